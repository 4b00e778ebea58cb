{{/* Names and labels. A release called `tandem` gives tandem-operator, tandem-telemetry, tandem-memory, tandem-minio. */}}

{{- define "tandem.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 40 | trimSuffix "-" }}
{{- end }}

{{- define "tandem.fullname" -}}
{{- $name := include "tandem.name" . }}
{{- if .Values.fullnameOverride }}
{{- .Values.fullnameOverride | trunc 40 | trimSuffix "-" }}
{{- else if contains $name .Release.Name }}
{{- .Release.Name | trunc 40 | trimSuffix "-" }}
{{- else }}
{{- printf "%s-%s" .Release.Name $name | trunc 40 | trimSuffix "-" }}
{{- end }}
{{- end }}

{{- define "tandem.operator" -}}{{ include "tandem.fullname" . }}-operator{{- end }}
{{- define "tandem.telemetry" -}}{{ include "tandem.fullname" . }}-telemetry{{- end }}
{{- define "tandem.memory" -}}{{ include "tandem.fullname" . }}-memory{{- end }}
{{- define "tandem.minio" -}}{{ include "tandem.fullname" . }}-minio{{- end }}

{{/* A cluster-wide object would clash with that of the same release in another namespace. */}}
{{- define "tandem.clusterName" -}}
{{- if eq .Release.Namespace (include "tandem.fullname" .) }}{{ include "tandem.fullname" . }}
{{- else }}{{ .Release.Namespace }}-{{ include "tandem.fullname" . }}
{{- end }}
{{- end }}

{{/* Labels of every object: (dict "root" $ "component" "operator"). */}}
{{- define "tandem.labels" -}}
helm.sh/chart: {{ printf "%s-%s" .root.Chart.Name .root.Chart.Version | replace "+" "_" }}
app.kubernetes.io/version: {{ .root.Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .root.Release.Service }}
app.kubernetes.io/part-of: tandem
{{ include "tandem.selector" . }}
{{- end }}

{{/* The labels that pods are found by; they never change over the life of a release. */}}
{{- define "tandem.selector" -}}
app.kubernetes.io/name: {{ include "tandem.name" .root }}
app.kubernetes.io/instance: {{ .root.Release.Name }}
app.kubernetes.io/component: {{ .component }}
{{- end }}
