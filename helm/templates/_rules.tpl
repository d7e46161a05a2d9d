{{/*
What `exclude` adds to an expression: the objects that the selector finds are taken out. Call with a dict: alert, rule,
selector, scopes, disabled (families). Ask for what was seen within the hour, for a stream's settings end with the stream.
*/}}
{{- define "exporter.exclusion" -}}
{{- if not (regexMatch "^\\s*[a-zA-Z_][a-zA-Z0-9_]*\\s*(=~|!~|!=|=)\\s*(\"([^\"\\\\\\n]|\\\\[bfnrt\\\\\"])*\"|'([^'\"\\\\\\n]|\\\\\\\\)*'|`[^`\\n]*`)\\s*(,\\s*[a-zA-Z_][a-zA-Z0-9_]*\\s*(=~|!~|!=|=)\\s*(\"([^\"\\\\\\n]|\\\\[bfnrt\\\\\"])*\"|'([^'\"\\\\\\n]|\\\\\\\\)*'|`[^`\\n]*`)\\s*)*,?\\s*$" .selector) -}}
{{- fail (printf "rules.alerts.%s.exclude: %s is not a valid PromQL label selector, such as stream=~\"tmp_.*\" (without braces)" .alert (toJson .selector)) -}}
{{- end -}}
{{- $scope := index .scopes .rule.labels.scope -}}
{{- $said := printf "rules.alerts.%s.exclude" .alert -}}
{{- if not $scope -}}
{{- fail (printf "%s: the alert is about %s and has no servers, streams or consumers to exclude; set enabled: false, or use rules.clusters" $said (eq .rule.labels.scope "cluster" | ternary "a cluster" "the exporter")) -}}
{{- end -}}
{{- range $scope.object -}}
{{- if not (contains (printf "$labels.%s" .) $.rule.annotations.description) -}}
{{- fail (printf "%s: the alert aggregates many objects and has no label %s to exclude one of them" $said .) -}}
{{- end -}}
{{- end -}}
{{- $target := list "job" "instance" "namespace" "pod" "service" "container" "endpoint" -}}
{{- $family := $scope.lasting -}}
{{- range regexFindAll "[a-zA-Z_][a-zA-Z0-9_]*\\s*(=~|!~|!=|=)\\s*(\"([^\"\\\\\\n]|\\\\[bfnrt\\\\\"])*\"|'([^'\"\\\\\\n]|\\\\\\\\)*'|`[^`\\n]*`)" .selector -1 -}}
{{- $label := regexFind "^[a-zA-Z0-9_]+" . -}}
{{- if not (has $label (concat $scope.labels $target)) -}}
{{- fail (printf "%s: %s has no label %s; it has: %s" $said $scope.family $label (join ", " $scope.labels)) -}}
{{- end -}}
{{- if not (has $label (concat $scope.object $target)) -}}{{- $family = $scope.family -}}{{- end -}}
{{- if regexMatch "^[a-zA-Z0-9_]+\\s*[=!]~" . -}}
{{- $text := regexReplaceAll "^[a-zA-Z0-9_]+\\s*[=!]~\\s*" . "${1}" -}}
{{- $regex := trimAll "`" $text -}}
{{- if not (hasPrefix "`" $text) -}}
{{- $quoted := printf "{\"regex\": \"%s\"}" (substr 1 (int (sub (len $text) 1)) $text) -}}
{{- $regex = (fromJson $quoted).regex -}}
{{- end -}}
{{- if not (regexMatch (printf "%s|" $regex) "") -}}
{{- fail (printf "%s: %s is not a valid regular expression of Prometheus" $said $text) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- if has $family .disabled -}}
{{- fail (printf "%s: it needs the metric %s, which config.families.disabled disables" $said $family) -}}
{{- end -}}
unless on ({{ join ", " $scope.object }})
group by ({{ join ", " $scope.object }}) (last_over_time({{ $family }}{ {{- .selector | trim | trimSuffix "," -}} }[1h]))
{{- end -}}

{{/* What `rules.clusters` adds to an expression. Call with the list of names. */}}
{{- define "exporter.onlyClusters" -}}
{{- $vectors := list -}}
{{- range . -}}
{{- $vectors = append $vectors (printf "label_replace(vector(1), \"nats_cluster\", %s, \"\", \"\")" (. | replace "$" "$$" | toJson)) -}}
{{- end -}}
and on (nats_cluster) (
  {{ join "\n  or\n  " $vectors }}
)
{{- end -}}

{{/*
Two releases that bring the same alerts to one Prometheus. Seen by the operator's labels, with which a Prometheus selects
its rules, and by the annotation that says which clusters another release's alerts are about.
*/}}
{{- define "exporter.oneRelease" -}}
{{- $labels := mergeOverwrite (dict) .Values.operatorLabels .Values.rules.labels -}}
{{- if .Capabilities.APIVersions.Has "monitoring.coreos.com/v1/PrometheusRule" -}}
{{- range (lookup "monitoring.coreos.com/v1" "PrometheusRule" "" "").items -}}
{{- $theirs := .metadata.labels | default dict -}}
{{- $release := get $theirs "app.kubernetes.io/instance" -}}
{{- $own := and (eq $release $.Release.Name) (eq .metadata.namespace $.Release.Namespace) -}}
{{- $alerts := ne (get $theirs "app.kubernetes.io/component") "compat" -}}
{{- if and (eq (get $theirs "app.kubernetes.io/part-of") "jetstream-exporter") $alerts (not $own) -}}
{{- $same := true -}}
{{- range $name, $value := $labels -}}
{{- if ne (get $theirs $name) $value -}}{{- $same = false -}}{{- end -}}
{{- end -}}
{{- $clusters := get (.metadata.annotations | default dict) "jetstream-exporter/clusters" | default "[]" | fromJsonArray -}}
{{- $both := list -}}
{{- range $clusters -}}{{- if has . $.Values.rules.clusters -}}{{- $both = append $both . -}}{{- end -}}{{- end -}}
{{- if and $same (or $both (not $clusters) (not $.Values.rules.clusters)) -}}
{{- fail (printf "rules.enabled: release %s in namespace %s already installs these alerts for the Prometheus server that selects %s, and they cover all of its clusters, so each alert would fire twice. Set rules.enabled=false in this release, or list the clusters of each release in its rules.clusters%s. If the releases belong to different Prometheus servers, set different operatorLabels" $release .metadata.namespace (toJson $labels) (empty $both | ternary "" (printf " (both list %s)" (join ", " $both)))) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{/*
What stands in place of each token of rules/template.json, in the order in which they are replaced. What is left of
angle brackets then is around spans of time.
*/}}
{{- define "exporter.ruleTokens" -}}
{{- $selector := .set.selector -}}
{{- $cluster := .set.clusterLabel -}}
{{- list
  (list "<<selector,>>" (empty $selector | ternary "" (printf "%s, " $selector)))
  (list "<<{selector}>>" (empty $selector | ternary "" (printf "{%s}" $selector)))
  (list "<<cluster_label,>>" (empty $cluster | ternary "" (printf "%s, " $cluster)))
  (list "<<job>>" (.set.job | default .shipped.job))
  (list "<<runbook_url>>" (.set.runbookUrl | default .shipped.runbook_url | trimSuffix "/"))
  (list "<<dashboard_url>>" (.set.dashboardUrl | default .shipped.dashboard_url | trimSuffix "/"))
  (list "<<" "")
  (list ">>" "")
  | toJson -}}
{{- end -}}

{{- define "exporter.filled" -}}
{{- $text := .text -}}
{{- range .tokens -}}{{- $text = replace (index . 0) (index . 1) $text -}}{{- end -}}
{{- $text -}}
{{- end -}}

{{/* What is set for an alert, for its severity before for its name. Call with a dict: overrides, alert, severity. */}}
{{- define "exporter.alertSettings" -}}
{{- $all := index .overrides .alert | default dict -}}
{{- mergeOverwrite (dict) (omit $all "critical" "warning" "info" "none") (index $all .severity | default dict) | toJson -}}
{{- end -}}

{{/* The threshold of a rule as a token. Call with a dict: set, rule. */}}
{{- define "exporter.thresholdToken" -}}
{{- list "<<threshold>>" (hasKey .set "threshold" | ternary (get .set "threshold" | toString) (.rule.threshold | default "")) | toJson -}}
{{- end -}}
