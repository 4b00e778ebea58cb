{{/* What services show to those who call them: (dict "root" $ "component" "telemetry"). Its settings are in the component's `tls`. */}}

{{/* The Secret with tls.crt, tls.key and ca.crt: yours, cert-manager's, or the chart's own. */}}
{{- define "tandem.certificate.secret" -}}
{{- $tls := (index .root.Values .component).tls }}
{{- default (printf "%s-tls" (include (printf "tandem.%s" .component) .root)) $tls.existingSecret }}
{{- end }}

{{/* The names that a service may be called by. */}}
{{- define "tandem.certificate.names" -}}
{{- $name := include (printf "tandem.%s" .component) .root }}
{{- $space := .root.Release.Namespace }}
{{- $domain := .root.Values.clusterDomain }}
{{- list (printf "%s.%s.svc" $name $space) (printf "%s.%s.svc.%s" $name $space $domain) (printf "%s.%s" $name $space) $name | toJson }}
{{- end }}

{{- define "tandem.certificate" -}}
{{- $component := .component }}
{{- $tls := (index .root.Values $component).tls }}
{{- $labels := include "tandem.labels" . }}
{{- $secret := include "tandem.certificate.secret" . }}
{{- $names := include "tandem.certificate.names" . | fromJsonArray }}
{{- if and $tls.existingSecret $tls.certManager.enabled }}
{{- fail (printf "%s.tls: existingSecret and certManager.enabled exclude each other: leave one out" $component) }}
{{- end }}
{{- if $tls.certManager.enabled }}
{{- include "tandem.needs" (dict "root" .root "setting" (printf "%s.tls.certManager.enabled" $component) "api" "cert-manager.io/v1" "remedy" "install cert-manager first") }}
apiVersion: cert-manager.io/v1
kind: Certificate
metadata:
  name: {{ $secret }}
  namespace: {{ .root.Release.Namespace }}
  labels: {{- $labels | nindent 4 }}
spec:
  secretName: {{ $secret }}
  dnsNames: {{ $names | toJson }}
  usages: [server auth, digital signature, key encipherment]
  privateKey: {algorithm: ECDSA, size: 256, rotationPolicy: Always}
  issuerRef:
    group: cert-manager.io
    kind: {{ $tls.certManager.issuerKind }}
    name: {{ required (printf "%s.tls.certManager.issuer is needed: name the Issuer or ClusterIssuer that signs" $component) $tls.certManager.issuer }}
{{- else if not $tls.existingSecret }}
{{- /* Made once and kept over upgrades, and when the release is gone: live runs were told whom to believe, and the next one goes on with it. Where lookup sees nothing (helm template, some GitOps tools) it is new each time: use certManager. */}}
{{- $kept := (lookup "v1" "Secret" .root.Release.Namespace $secret).data | default dict }}
{{- $made := dict }}
{{- if not (index $kept "tls.key") }}
{{- $ca := genCA (printf "%s-ca" (include (printf "tandem.%s" $component) .root)) (int $tls.days) }}
{{- $leaf := genSignedCert (first $names) nil $names (int $tls.days) $ca }}
{{- $made = dict "ca.crt" (b64enc $ca.Cert) "tls.crt" (b64enc $leaf.Cert) "tls.key" (b64enc $leaf.Key) }}
{{- end }}
apiVersion: v1
kind: Secret
metadata:
  name: {{ $secret }}
  namespace: {{ .root.Release.Namespace }}
  labels: {{- $labels | nindent 4 }}
  annotations:
    helm.sh/resource-policy: keep
type: kubernetes.io/tls
data:
  {{- range $key := list "ca.crt" "tls.crt" "tls.key" }}
  {{ $key }}: {{ index $kept $key | default (index $made $key) }}
  {{- end }}
{{- end }}
{{- end }}
