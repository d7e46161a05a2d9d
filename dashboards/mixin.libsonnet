// The same rules and boards for who collects monitoring mixins:
//   (import 'jetstream-exporter/dashboards/mixin.libsonnet')
// Alerts and recording rules are often put into one file, where no two groups may have one name.
local groups(kind, suffix='') = [
  group { name: super.name + suffix, rules: [rule for rule in group.rules if std.objectHas(rule, kind)] }
  for group in std.flattenArrays([
    std.parseYaml(importstr '../rules/exporter.yaml').groups,
    std.parseYaml(importstr '../rules/server.yaml').groups,
    std.parseYaml(importstr '../rules/meta.yaml').groups,
    std.parseYaml(importstr '../rules/stream.yaml').groups,
    std.parseYaml(importstr '../rules/consumer.yaml').groups,
  ])
  if std.length([rule for rule in group.rules if std.objectHas(rule, kind)]) > 0
];

{
  grafanaDashboards+:: {
    'jetstream-overview.json': import 'jetstream-overview.json',
    'jetstream-raft.json': import 'jetstream-raft.json',
    'jetstream-servers.json': import 'jetstream-servers.json',
    'jetstream-stream.json': import 'jetstream-stream.json',
    'jetstream-consumer.json': import 'jetstream-consumer.json',
    'jetstream-exporter.json': import 'jetstream-exporter.json',
  },
  prometheusAlerts+:: { groups+: groups('alert') },
  prometheusRules+:: { groups+: groups('record', '.rules') },
}
