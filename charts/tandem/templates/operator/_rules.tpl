{{/* What the operator may do where runs live. Nothing here reads a Secret or a ConfigMap: pods name them, kubelet reads them. */}}
{{- define "tandem.operator.rules" -}}
# get: a run that a watch has kept silent about. delete: one that has outlived its ttlSecondsAfterFinished.
- apiGroups: [tandem.dev]
  resources: [trainingruns, dualruns]
  verbs: [get, list, watch, delete]
- apiGroups: [tandem.dev]
  resources: [trainingruns/status, dualruns/status]
  verbs: [patch]
# Workers. patch: an annotation asks one that is there for a checkpoint; nothing else of a pod is ever changed, but that one that is lost
# with its machine has ended: else whoever waits for its end, as a queue does, would wait for that machine.
- apiGroups: [""]
  resources: [pods]
  verbs: [list, watch, create, delete, patch]
- apiGroups: [""]
  resources: [pods/status]
  verbs: [patch]
# Their names in DNS. get: whose a Service is that has the name of a run's own.
- apiGroups: [""]
  resources: [services]
  verbs: [get, create]
# Of a DualRun: the disk with its books, and what its parts know each other by. What was made is never read again.
- apiGroups: [""]
  resources: [persistentvolumeclaims, secrets]
  verbs: [create]
# What holds a drain until a checkpoint was taken. Applying one that is not there yet takes create, too.
- apiGroups: [policy]
  resources: [poddisruptionbudgets]
  verbs: [list, create, patch]
# list, watch: what an autoscaler says of a worker that it has asked a machine for.
- apiGroups: [events.k8s.io]
  resources: [events]
  verbs: [list, watch, create]
{{- end }}

{{/* Notices of spot machines, prices and capacity types stand on nodes. */}}
{{- define "tandem.operator.nodeRules" -}}
- apiGroups: [""]
  resources: [nodes]
  verbs: [list, watch]
{{- end }}
