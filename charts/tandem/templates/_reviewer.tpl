{{/* The account of a service that asks the API server whose token a caller shows, and may do nothing else: (dict "root" $ "component" "memory"). */}}
{{- define "tandem.reviewer" -}}
{{- $labels := include "tandem.labels" . }}
{{- $name := include (printf "tandem.%s" .component) .root }}
{{- $clusterName := printf "%s-%s" (include "tandem.clusterName" .root) .component }}
apiVersion: v1
kind: ServiceAccount
metadata:
  name: {{ $name }}
  namespace: {{ .root.Release.Namespace }}
  labels: {{- $labels | nindent 4 }}
automountServiceAccountToken: false # the one pod that needs it says so itself
{{- if .root.Values.rbac.create }}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata:
  name: {{ $clusterName }}
  labels: {{- $labels | nindent 4 }}
rules:
  - apiGroups: [authentication.k8s.io]
    resources: [tokenreviews]
    verbs: [create]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata:
  name: {{ $clusterName }}
  labels: {{- $labels | nindent 4 }}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: {{ $clusterName }}}
subjects: [{kind: ServiceAccount, name: {{ $name }}, namespace: {{ .root.Release.Namespace }}}]
{{- end }}
{{- end }}
