{{/* Who acts, where several releases are in one cluster; the operator's own half of it is tandem_operator/cluster/known/neighbours.py. */}}

{{/* The release as its operators call it. */}}
{{- define "tandem.release" -}}
{{ .Release.Namespace }}/{{ .Release.Name }}
{{- end }}

{{/* The Lease of those that watch the same, whichever release they are of, as JSON. */}}
{{- define "tandem.operator.lease" -}}
{{- with .Values.watchNamespace }}
{{- dict "namespace" . "name" "tandem-operator" | toJson }}
{{- else }}
{{- dict "namespace" "default" "name" "tandem-operator-of-all-namespaces" | toJson }}
{{- end }}
{{- end }}

{{/*
Refuses to install beside a release that watches the same and is at work. Its operator would only stand by; better to hear of it here.
Where lookup sees nothing (helm template, some GitOps tools), and of a release whose operator is down, the Lease still decides.
*/}}
{{- define "tandem.operator.alone" -}}
{{- $place := include "tandem.operator.lease" . | fromJson }}
{{- $lease := lookup "coordination.k8s.io/v1" "Lease" $place.namespace $place.name }}
{{- $other := dig "metadata" "annotations" "tandem.dev/release" "" $lease }}
{{- $renewed := dig "spec" "renewTime" "" $lease | toDate "2006-01-02T15:04:05.999999Z07:00" | unixEpoch | int64 }}
{{- $atWork := and (dig "spec" "holderIdentity" "" $lease) (lt (sub (now | unixEpoch | int64) $renewed) 60) }}
{{- if and $atWork $other (ne $other (include "tandem.release" .)) }}
{{- $what := printf "the runs of %s" (.Values.watchNamespace | default "every namespace") }}
{{- $its := splitList "/" $other }}
{{- fail (printf "\n\nrelease %s cares for %s already (Lease %s/%s): `helm uninstall %s -n %s` first, or have this one watch a namespace that no other release watches (--set watchNamespace=...)\n" $other $what $place.namespace $place.name (last $its) (first $its)) }}
{{- end }}
{{- end }}
