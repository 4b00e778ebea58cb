{{/* What the pods of the chart share: image, security, where they run. */}}

{{/* The reference of an image: (dict "root" $ "image" .Values.operator.image). A digest wins over a tag. */}}
{{- define "tandem.image" -}}
{{- $registry := default .root.Values.images.registry .image.registry }}
{{- $tag := default (default .root.Chart.AppVersion .root.Values.images.tag) .image.tag }}
{{- with $registry }}{{ . }}/{{ end }}{{ .image.repository }}
{{- if .image.digest }}@{{ .image.digest }}{{ else }}:{{ $tag }}{{ end }}
{{- end }}

{{- define "tandem.pullPolicy" -}}
{{- default .root.Values.images.pullPolicy .image.pullPolicy }}
{{- end }}

{{/* The names alone, as JSON: workers' images are pulled with Secrets of the same names in the runs' namespaces. */}}
{{- define "tandem.pullSecretNames" -}}
{{- $names := list }}
{{- range .Values.images.pullSecrets }}{{ $names = append $names .name }}{{ end }}
{{- $names | toJson }}
{{- end }}

{{/* The restricted profile of Kubernetes' pod security standards, for the pod ... */}}
{{- define "tandem.podSecurity" -}}
runAsNonRoot: true
runAsUser: 65532
runAsGroup: 65532
fsGroup: 65532
fsGroupChangePolicy: OnRootMismatch
seccompProfile: {type: RuntimeDefault}
{{- end }}

{{/* ... and for each container of it. */}}
{{- define "tandem.containerSecurity" -}}
allowPrivilegeEscalation: false
privileged: false
readOnlyRootFilesystem: true
runAsNonRoot: true
capabilities: {drop: [ALL]}
{{- end }}

{{/*
Where pods of a component run: (dict "root" $ "values" .Values.operator).
Kubernetes waits five minutes before it replaces a pod of a node that is gone; runs should not wait for their operator that long.
*/}}
{{- define "tandem.placement" -}}
{{- with .root.Values.images.pullSecrets }}
imagePullSecrets: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .values.priorityClassName }}
priorityClassName: {{ . }}
{{- end }}
{{- with .values.nodeSelector }}
nodeSelector: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .values.affinity }}
affinity: {{- toYaml . | nindent 2 }}
{{- end }}
tolerations:
  - {key: node.kubernetes.io/not-ready, operator: Exists, effect: NoExecute, tolerationSeconds: 30}
  - {key: node.kubernetes.io/unreachable, operator: Exists, effect: NoExecute, tolerationSeconds: 30}
  {{- with .values.tolerations }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
{{- end }}

{{/* Labels and annotations of a component's pods: (dict "root" $ "component" "operator" "values" .Values.operator). */}}
{{- define "tandem.podMeta" -}}
labels:
  {{- include "tandem.selector" . | nindent 2 }}
  {{- with .values.podLabels }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
{{- with .values.podAnnotations }}
annotations: {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}
