{{/* What the operator may do where runs live. Nothing here reads a Secret or a ConfigMap: pods name them, kubelet reads them. */}}
{{- define "tandem.operator.rules" -}}
# delete: a run that has outlived its ttlSecondsAfterFinished.
- apiGroups: [tandem.dev]
  resources: [trainingruns]
  verbs: [get, list, watch, delete]
- apiGroups: [tandem.dev]
  resources: [trainingruns/status]
  verbs: [get, patch]
# Workers, their names in DNS, and what holds a drain until a checkpoint was taken.
- apiGroups: [""]
  resources: [pods]
  verbs: [get, list, watch, create, patch, delete]
- apiGroups: [""]
  resources: [services]
  verbs: [get, list, watch, create, patch, delete]
- apiGroups: [policy]
  resources: [poddisruptionbudgets]
  verbs: [get, list, watch, create, patch, delete]
- apiGroups: [events.k8s.io]
  resources: [events]
  verbs: [create, patch]
{{- end }}

{{/* Notices of spot machines, prices and capacity types stand on nodes. */}}
{{- define "tandem.operator.nodeRules" -}}
- apiGroups: [""]
  resources: [nodes]
  verbs: [get, list, watch]
{{- end }}
