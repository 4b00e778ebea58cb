{{/*
Refuses a setting that needs a kind which this cluster does not know: (dict "root" $ "setting" "..." "api" "..." "remedy" "...").
A chart that is rendered without a cluster (helm template) cannot know; a cluster has our own kinds by then.
*/}}
{{- define "tandem.needs" -}}
{{- $known := .root.Capabilities.APIVersions }}
{{- if and ($known.Has "tandem.dev/v1alpha1") (not ($known.Has .api)) }}
{{- fail (printf "\n\n%s: this cluster does not know %s: %s, or set it to false\n" .setting .api .remedy) }}
{{- end }}
{{- end }}

{{- define "tandem.needsPrometheusOperator" -}}
{{- include "tandem.needs" (dict "root" .root "setting" .setting "api" "monitoring.coreos.com/v1" "remedy" "install the Prometheus operator first (kube-prometheus-stack has it)") }}
{{- end }}
