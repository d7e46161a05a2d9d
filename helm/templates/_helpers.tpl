{{- define "exporter.name" -}}
{{- .Values.nameOverride | default .Chart.Name | trunc 63 | trimSuffix "-" -}}
{{- end -}}

{{/* A Service's name begins with a letter and has no dot; a release's may. */}}
{{- define "exporter.fullname" -}}
{{- $name := include "exporter.name" . -}}
{{- $release := .Release.Name | replace "." "-" -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 52 | trimSuffix "-" -}}
{{- else if regexMatch "^[0-9]" $release -}}
{{- printf "%s-%s" $name $release | trunc 52 | trimSuffix "-" -}}
{{- else if contains $name $release -}}
{{- $release | trunc 52 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" $release $name | trunc 52 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{- define "exporter.selector" -}}
app.kubernetes.io/name: {{ include "exporter.name" . | quote }}
app.kubernetes.io/instance: {{ .Release.Name | quote }}
{{- end -}}

{{/* The pod of `helm test`: of the same release, and not one that the Service finds. */}}
{{- define "exporter.testSelector" -}}
app.kubernetes.io/instance: {{ .Release.Name | quote }}
app.kubernetes.io/component: test
{{- end -}}

{{/* One set of labels as a map, so that a label given twice is not written twice. Call with a dict: root, and more maps. */}}
{{- define "exporter.labels" -}}
{{- $root := .root -}}
{{- $own := dict
      "app.kubernetes.io/version" ($root.Chart.AppVersion | replace "+" "_" | trunc 63)
      "app.kubernetes.io/managed-by" $root.Release.Service
      "app.kubernetes.io/part-of" "jetstream-exporter"
      "helm.sh/chart" (printf "%s-%s" $root.Chart.Name ($root.Chart.Version | replace "+" "_") | trunc 63 | trimSuffix "-") -}}
{{- $selector := include "exporter.selector" $root | fromYaml -}}
{{- $labels := mergeOverwrite (dict) $own $root.Values.commonLabels (.more | default dict) $selector -}}
{{- toYaml $labels -}}
{{- end -}}

{{- define "exporter.image" -}}
{{- $tag := .Values.image.tag | default .Chart.AppVersion -}}
{{- if .Values.image.digest -}}
{{- printf "%s@%s" .Values.image.repository .Values.image.digest -}}
{{- else -}}
{{- printf "%s:%s" .Values.image.repository $tag -}}
{{- end -}}
{{- end -}}

{{- define "exporter.serviceAccount" -}}
{{- .Values.serviceAccount.name | default (include "exporter.fullname" .) -}}
{{- end -}}

{{- define "exporter.containerSecurity" -}}
allowPrivilegeEscalation: false
capabilities:
  drop: [ALL]
privileged: false
readOnlyRootFilesystem: true
{{- end -}}

{{- define "exporter.podSecurity" -}}
runAsNonRoot: true
runAsUser: 65532
runAsGroup: 65532
fsGroup: 65532
seccompProfile:
  type: RuntimeDefault
{{- end -}}

{{- define "exporter.milliseconds" -}}
{{- $units := dict "ms" 1 "s" 1000 "m" 60000 "h" 3600000 "d" 86400000 "w" 604800000 "y" 31536000000 -}}
{{- $sum := 0 -}}
{{- range regexFindAll "[0-9]+[a-z]+" . -1 -}}
{{- $sum = add $sum (mul (regexFind "[0-9]+" . | int64) (get $units (regexFind "[a-z]+" .) | int64)) -}}
{{- end -}}
{{- $sum -}}
{{- end -}}

{{/*
The configuration with a name for every cluster that has none. The official NATS chart names clusters by their release,
so two of them are often called the same, and one Prometheus would take them for one. With a StatefulSet, also which shard
a pod is.
*/}}
{{- define "exporter.config" -}}
{{- $config := deepCopy .Values.config -}}
{{- $own := printf "%s/%s" .Release.Namespace .Release.Name -}}
{{- $first := true -}}
{{- if kindIs "slice" $config.clusters -}}
{{- range $index, $cluster := $config.clusters -}}
{{- if and (kindIs "map" $cluster) (not (hasKey $cluster "name")) -}}
{{- $_ := set $cluster "name" (ternary $own (printf "%s-%d" $own (add $index 1)) $first) -}}
{{- $first = false -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- if eq .Values.kind "StatefulSet" -}}
{{- $_ := set $config "shard" (include "exporter.shard" . | fromYaml) -}}
{{- end -}}
{{- toYaml $config -}}
{{- end -}}

{{/* The section shard of the configuration, where each pod of a StatefulSet is one. */}}
{{- define "exporter.shard" -}}
{{- $total := max 1 (int .Values.replicas) -}}
{{- $shard := .Values.config.shard | default dict -}}
{{- if hasKey $shard "ordinal" -}}
{{- fail "config.shard.ordinal: all pods of the StatefulSet would be the same shard; remove it" -}}
{{- end -}}
{{- if ne (int ($shard.total | default $total)) $total -}}
{{- fail (printf "config.shard.total: %d is not the number of pods, replicas: %d; remove it" (int $shard.total) $total) -}}
{{- end -}}
{{- dict "ordinal_env" ($shard.ordinal_env | default "POD_INDEX") "total" $total | toYaml -}}
{{- end -}}

{{/* The names of the clusters, as a list of the key names. */}}
{{- define "exporter.clusterNames" -}}
{{- $names := list -}}
{{- with (include "exporter.config" . | fromYaml).clusters -}}
{{- if kindIs "slice" . -}}
{{- range . -}}
{{- if kindIs "map" . -}}
{{- with .name -}}{{- $names = append $names (toString .) -}}{{- end -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- dict "names" $names | toYaml -}}
{{- end -}}

{{/*
Memory by the budget of consumers: bench/results has the peaks that were measured, of one server and of three that report
everything, and a test holds this above them. The request covers the peak, the limit is half as much again.
*/}}
{{- define "exporter.resources" -}}
{{- $resources := deepCopy .Values.resources -}}
{{- $limits := .Values.config.limits -}}
{{- $consumers := 50000 -}}
{{- if kindIs "map" $limits -}}
{{- if hasKey $limits "consumers" -}}
{{- $consumers = $limits.consumers | int64 -}}
{{- end -}}
{{- end -}}
{{- $peak := add 100 (div (mul 11 $consumers) 1024) -}}
{{- range $kind, $mebibytes := dict "requests" $peak "limits" (div (mul 3 $peak) 2) -}}
{{- $amounts := index $resources $kind -}}
{{- if not (hasKey $amounts "memory") -}}
{{- $_ := set $amounts "memory" (printf "%dMi" $mebibytes) -}}
{{- else if kindIs "invalid" $amounts.memory -}}
{{- $_ := unset $amounts "memory" -}}
{{- end -}}
{{- end -}}
{{- toYaml $resources -}}
{{- end -}}

{{/* The ports of every address in the configuration and the flags, as a list of the key ports; empty: any port. */}}
{{- define "exporter.natsPorts" -}}
{{- $standard := dict "http" 8222 "https" 8222 "nats" 4222 "tls" 4222 "ws" 80 "wss" 443 -}}
{{- $ports := dict -}}
{{- $any := false -}}
{{- range .Values.networkPolicy.natsPorts -}}
{{- $_ := set $ports (. | int | toString) true -}}
{{- end -}}
{{- range regexFindAll "[a-z+]+://[^\\s\"',]+" (printf "%s %s" (toJson .Values.config) (toJson .Values.extraArgs)) -1 -}}
{{- $scheme := regexFind "^[a-z+]+" . -}}
{{- $host := regexReplaceAll "^[a-z+]+://([^/?#]*@)?([^/?#]*).*$" . "$2" -}}
{{- $port := regexFind ":[0-9]+$" $host | trimPrefix ":" -}}
{{- if hasPrefix "srv+" $scheme -}}
{{- $any = true -}}
{{- else if $port -}}
{{- $_ := set $ports $port true -}}
{{- else if hasKey $standard $scheme -}}
{{- $_ := set $ports (index $standard $scheme | toString) true -}}
{{- end -}}
{{- end -}}
{{- dict "ports" (ternary list (keys $ports | sortAlpha) $any) | toYaml -}}
{{- end -}}

{{/* What the configuration reads, for the exporter and for the doctor of helm test. */}}
{{- define "exporter.mounts" -}}
{{- $creds := .Values.credsSecret.name }}
{{- $tls := .Values.tlsSecret.name }}
{{- $web := .Values.webConfigSecret.name }}
- name: config
  mountPath: /etc/jetstream-exporter/config
  readOnly: true
{{- if $creds }}
- name: creds
  mountPath: /etc/jetstream-exporter/creds
  readOnly: true
{{- end }}
{{- if $tls }}
- name: tls
  mountPath: /etc/jetstream-exporter/tls
  readOnly: true
{{- end }}
{{- if $web }}
- name: web
  mountPath: /etc/jetstream-exporter/web
  readOnly: true
{{- end }}
{{- end -}}

{{- define "exporter.volumes" -}}
{{- $creds := .Values.credsSecret.name }}
{{- $tls := .Values.tlsSecret.name }}
{{- $web := .Values.webConfigSecret.name }}
- name: config
  configMap:
    name: {{ include "exporter.fullname" . | quote }}
{{- if $creds }}
- name: creds
  secret:
    secretName: {{ $creds | quote }}
    defaultMode: 0440
    items:
      - key: {{ .Values.credsSecret.key | quote }}
        path: {{ .Values.credsSecret.key | quote }}
{{- end }}
{{- if $tls }}
- name: tls
  secret:
    secretName: {{ $tls | quote }}
    defaultMode: 0440
{{- end }}
{{- if $web }}
- name: web
  secret:
    secretName: {{ $web | quote }}
    defaultMode: 0440
    items:
      - key: {{ .Values.webConfigSecret.key | quote }}
        path: {{ .Values.webConfigSecret.key | quote }}
{{- end }}
{{- end -}}
