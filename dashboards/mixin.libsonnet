// The same rules and boards for who collects monitoring mixins:
//   (import 'jetstream-exporter/dashboards/mixin.libsonnet') + { _config+:: { selector: 'env="prod"' } }
local template = import '../rules/template.json';
local scopes = std.parseYaml(importstr '../helm/files/scopes.yaml');

{
  _config+:: {
    // What every series of the exporter must match, such as 'env="prod"'.
    selector: template.settings.selector,
    // A further label that tells clusters apart, such as 'k8s_cluster'.
    clusterLabel: template.settings.cluster_label,
    // The regular expression of the exporter's jobs.
    job: template.settings.job,
    // Where the links to runbooks and dashboards begin.
    runbookUrl: template.settings.runbook_url,
    dashboardUrl: template.settings.dashboard_url,
    // Changes by alert, and by severity where an alert has two, such as
    //   { JetStreamServerStorageHigh: { 'for': '30m', critical: { threshold: '0.95' } } }
    // Keys: enabled, for, keepFiringFor, severity, threshold, labels.
    alerts: {},
    // By alert, a selector of labels of jetstream_stream_info, jetstream_consumer_info or nats_server_info: what it
    // finds does not raise the alert. Such as { JetStreamConsumerStalled: 'stream=~"tmp_.*"' }.
    exclude+: {},
    // The series of other exporters, recorded from those of this one: 'pne', 'pne-helm', 'surveyor'.
    compat: [],
    // Whether to record those of consumers, ten for each consumer.
    compatConsumers: true,
    // While both exporters run, compares them: the same words as in compat.
    shadow: [],
  },

  local config = self._config,
  // Of every setting the token and what stands in its place; what remains after them are spans of time.
  local tokens = [
    ['<<selector,>>', if config.selector == '' then '' else config.selector + ', '],
    ['<<{selector}>>', if config.selector == '' then '' else '{' + config.selector + '}'],
    ['<<cluster_label,>>', if config.clusterLabel == '' then '' else config.clusterLabel + ', '],
    ['<<job>>', config.job],
    ['<<runbook_url>>', config.runbookUrl],
    ['<<dashboard_url>>', config.dashboardUrl],
    ['<<', ''],
    ['>>', ''],
  ],
  local fill(text, threshold='') = std.foldl(
    function(filled, token) std.strReplace(filled, token[0], token[1]),
    tokens,
    std.strReplace(text, '<<threshold>>', threshold),
  ),

  // What is set for an alert: for its severity before for its name.
  local setFor(alert, severity) =
    local all = std.get(config.alerts, alert, {});
    all + std.get(all, severity, {}),
  local setOf(rule) = setFor(rule.alert, rule.labels.severity),
  // What the selector finds is taken out of the alert, as the chart does it for rules.alerts.<name>.exclude.
  local excluding(rule, expr) =
    if !std.objectHas(config.exclude, rule.alert) then expr else
      local scope = scopes[rule.labels.scope];
      local object = std.join(', ', scope.object);
      '(\n%s\n)\nunless on (%s)\ngroup by (%s) (last_over_time(%s{%s}[1h]))\n'
      % [std.stripChars(expr, '\n'), object, object, scope.family, config.exclude[rule.alert]],
  local alert(rule) =
    local set = setOf(rule);
    local default = std.get(rule, 'threshold', '');
    assert default != '' || !std.objectHas(set, 'threshold') :
           'alerts.%s: its %s rule has no threshold that can be set' % [rule.alert, rule.labels.severity];
    {
      alert: rule.alert,
      expr: excluding(rule, fill(rule.expr, std.toString(std.get(set, 'threshold', default)))),
      [if std.objectHas(rule, 'for') || std.objectHas(set, 'for') then 'for']: std.get(set, 'for', std.get(rule, 'for')),
      [if std.objectHas(rule, 'keep_firing_for') || std.objectHas(set, 'keepFiringFor') then 'keep_firing_for']:
        std.get(set, 'keepFiringFor', std.get(rule, 'keep_firing_for')),
      labels: std.mapWithKey(function(_, text) fill(text), rule.labels) + std.get(set, 'labels', {}) +
              (if std.objectHas(set, 'severity') then { severity: set.severity } else {}),
      annotations: std.mapWithKey(function(_, text) fill(text), rule.annotations),
    },
  local record(rule) =
    local set = if std.objectHas(rule, 'of') then setFor(rule.of.alert, rule.of.severity) else {};
    {
      record: rule.record,
      expr: fill(rule.expr, std.toString(std.get(set, 'threshold', std.get(rule, 'threshold', '')))),
    },
  local isAlert(rule) = std.objectHas(rule, 'alert'),
  // What is recorded for an alert alone goes with it.
  local isEnabled(rule) =
    local set = if isAlert(rule) then setOf(rule) else if std.objectHas(rule, 'of') then setFor(rule.of.alert, rule.of.severity) else {};
    std.get(set, 'enabled', true),
  local groups = std.flattenArrays([file.groups for file in template.files]),
  local grouped(wanted, make, suffix='') = [
    { name: group.name + suffix, interval: group.interval, rules: rules }
    for group in groups
    for rules in [[make(rule) for rule in group.rules if wanted(rule) && isEnabled(rule)]]
    if std.length(rules) > 0
  ],

  local chosen = config.compat + ['shadow-' + exporter for exporter in config.shadow],
  local compatGroups = [
    group
    for file in template.compat
    if std.member(chosen, std.split(file.subject, '/')[1])
    for group in file.groups
    if config.compatConsumers || !std.endsWith(group.name, '-consumers')
  ],
  local compat(kind, make, suffix) = [
    group { name: group.name + suffix, rules: rules }
    for group in compatGroups
    for rules in [[make(rule) for rule in group.rules if std.objectHas(rule, kind)]]
    if std.length(rules) > 0
  ],

  grafanaDashboards+:: {
    'jetstream-overview.json': import 'jetstream-overview.json',
    'jetstream-raft.json': import 'jetstream-raft.json',
    'jetstream-servers.json': import 'jetstream-servers.json',
    'jetstream-stream.json': import 'jetstream-stream.json',
    'jetstream-consumer.json': import 'jetstream-consumer.json',
    'jetstream-exporter.json': import 'jetstream-exporter.json',
    'jetstream-accounts.json': import 'jetstream-accounts.json',
    'jetstream-fleet.json': import 'jetstream-fleet.json',
    [if config.shadow != [] then 'jetstream-shadow.json']: import '../rules/compat/jetstream-shadow.json',
  },
  prometheusAlerts+:: { groups+: grouped(isAlert, alert) + compat('alert', alert, '.alerts') },
  // Alerts and recording rules are often put into one file, where no two groups may have one name.
  prometheusRules+:: { groups+: grouped(function(rule) !isAlert(rule), record, '.rules') + compat('record', record, '') },
}
