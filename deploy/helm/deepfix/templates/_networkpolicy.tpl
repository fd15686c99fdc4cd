{{- define "deepfix.dnsEgress" -}}
- to:
    {{- toYaml .Values.networkPolicy.dns.to | nindent 4 }}
  ports:
    - protocol: UDP
      port: {{ .Values.networkPolicy.dns.port }}
    - protocol: TCP
      port: {{ .Values.networkPolicy.dns.port }}
{{- end }}

{{- define "deepfix.networkPolicy" -}}
{{- $values := .ctx.Values }}
{{- $policy := $values.networkPolicy }}
{{- $settings := include "deepfix.settings" . | fromYaml }}
{{- $gateway := eq .component "gateway" }}
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata:
  name: {{ include "deepfix.componentName" . }}
  labels:
    {{- include "deepfix.labels" . | nindent 4 }}
spec:
  podSelector:
    matchLabels:
      {{- include "deepfix.selectorLabels" . | nindent 6 }}
  policyTypes:
    - Ingress
    - Egress
  ingress:
    - ports:
        - protocol: TCP
          port: {{ include "deepfix.port" . }}
      {{- if not $gateway }}
      from:
        - podSelector:
            matchLabels:
              {{- include "deepfix.selectorLabels" (dict "ctx" .ctx "component" "gateway") | nindent 14 }}
      {{- else if $policy.gatewayFrom }}
      from:
        {{- toYaml $policy.gatewayFrom | nindent 8 }}
        {{- if $values.test.enabled }}
        - podSelector:
            matchLabels:
              {{- include "deepfix.selectorLabels" (dict "ctx" .ctx "component" "test") | nindent 14 }}
        {{- end }}
      {{- end }}
    {{- with $policy.scraperFrom }}
    - ports:
        - protocol: TCP
          port: 8845
      from:
        {{- toYaml . | nindent 8 }}
    {{- end }}
  egress:
    {{- include "deepfix.dnsEgress" .ctx | nindent 4 }}
    {{- if $gateway }}
    {{- range $other, $_ := omit $values.components "gateway" }}
    - to:
        - podSelector:
            matchLabels:
              {{- include "deepfix.selectorLabels" (dict "ctx" $.ctx "component" $other) | nindent 14 }}
      ports:
        - protocol: TCP
          port: {{ include "deepfix.port" (dict "component" $other) }}
    {{- end }}
    {{- end }}
    {{- with $values.config.telemetry.otlp_endpoint }}
    - to:
        {{- toYaml $policy.otlpTo | nindent 8 }}
      ports:
        - protocol: TCP
          port: {{ regexFind ":[0-9]+$" (urlParse .).host | trimPrefix ":" | default "4317" }}
    {{- end }}
    {{- with $settings.extraEgress }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
{{- end }}
