{{/* Settings that follow from others. */}}

{{/* The whole notice a platform gives before it takes a machine, less the time to react: AWS 120 s, GKE 30 s. */}}
{{- define "tandem.graceSeconds" -}}
{{- if kindIs "invalid" .Values.operator.graceSeconds }}
{{- get (dict "aws" 100 "gke" 25 "onprem" 100) .Values.provider }}
{{- else }}
{{- int .Values.operator.graceSeconds }}
{{- end }}
{{- end }}

{{- define "tandem.minio.address" -}}
http://{{ include "tandem.minio" . }}.{{ .Release.Namespace }}.svc:9000
{{- end }}

{{/* Whether checkpoints go to the chart's MinIO: only then are its bucket and its key theirs, too. An S3 elsewhere is never shown that key. */}}
{{- define "tandem.minio.serves" -}}
{{- $own := include "tandem.minio.address" . }}
{{- $named := .Values.checkpoints.endpoint | replace (printf ".svc.%s:" .Values.clusterDomain) ".svc:" }}
{{- if and .Values.minio.enabled (has $named (list "" $own (replace ".svc:" ":" $own))) }}true{{ end }}
{{- end }}

{{- define "tandem.checkpoints.uri" -}}
{{- if .Values.checkpoints.uri }}{{ .Values.checkpoints.uri }}
{{- else if include "tandem.minio.serves" . }}s3://{{ .Values.minio.bucket }}/runs
{{- end }}
{{- end }}

{{- define "tandem.checkpoints.endpoint" -}}
{{- if .Values.checkpoints.endpoint }}{{ .Values.checkpoints.endpoint }}
{{- else if include "tandem.minio.serves" . }}{{ include "tandem.minio.address" . }}
{{- end }}
{{- end }}

{{- define "tandem.checkpoints.secret" -}}
{{- if .Values.checkpoints.secret }}{{ .Values.checkpoints.secret }}
{{- else if include "tandem.minio.serves" . }}{{ include "tandem.minio.secret" . }}
{{- end }}
{{- end }}

{{- define "tandem.minio.secret" -}}
{{- default (include "tandem.minio" .) .Values.minio.existingSecret }}
{{- end }}


{{/* The Secret with the key that the tokens and certificates of DualRuns are reckoned from. */}}
{{- define "tandem.operator.key" -}}
{{- default (printf "%s-key" (include "tandem.operator" .)) .Values.reasoning.existingKey }}
{{- end }}

{{/* Where DualRuns find the memory of the chart, if it has one. */}}
{{- define "tandem.memory.address" -}}
{{- if .Values.memory.enabled }}{{ include "tandem.memory" . }}.{{ .Release.Namespace }}.svc:7433{{ end }}
{{- end }}

{{/* The operator as the API server knows it: the one caller that telemetry lets watch all runs. */}}
{{- define "tandem.operator.user" -}}
system:serviceaccount:{{ .Release.Namespace }}:{{ include "tandem.operator" . }}
{{- end }}
