{{/* The gateway gets an ordinary Service; the others are headless, so that the gateway sees every pod and balances calls itself. */}}
{{- define "deepfix.service" -}}
{{- $service := .ctx.Values.service }}
{{- $gateway := eq .component "gateway" }}
apiVersion: v1
kind: Service
metadata:
  name: {{ include "deepfix.componentName" . }}
  labels:
    {{- include "deepfix.labels" . | nindent 4 }}
  {{- if and $gateway $service.annotations }}
  annotations:
    {{- toYaml $service.annotations | nindent 4 }}
  {{- end }}
spec:
  {{- if $gateway }}
  type: {{ $service.type }}
  {{- else }}
  clusterIP: None
  {{- end }}
  selector:
    {{- include "deepfix.selectorLabels" . | nindent 4 }}
  ports:
    - name: {{ include "deepfix.portName" . }}
      port: {{ $gateway | ternary ($service.port | int) (include "deepfix.port" . | int) }}
      targetPort: {{ include "deepfix.portName" . }}
      protocol: TCP
      appProtocol: {{ $gateway | ternary $service.appProtocol "kubernetes.io/h2c" }}
{{- end }}
