{{/* Helpers with "component" take (dict "ctx" $ "component" "kb"), the others the root context. */}}

{{- define "deepfix.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 45 | trimSuffix "-" }}
{{- end }}

{{/* 45: the longest suffix, "-checkpoint-agent", must fit into the 63 characters of a Service name. */}}
{{- define "deepfix.fullname" -}}
{{- $name := include "deepfix.name" . }}
{{- if .Values.fullnameOverride }}
{{- .Values.fullnameOverride | trunc 45 | trimSuffix "-" }}
{{- else if contains $name .Release.Name }}
{{- .Release.Name | trunc 45 | trimSuffix "-" }}
{{- else }}
{{- printf "%s-%s" .Release.Name $name | trunc 45 | trimSuffix "-" }}
{{- end }}
{{- end }}

{{- define "deepfix.componentName" -}}
{{- printf "%s-%s" (include "deepfix.fullname" .ctx) .component }}
{{- end }}

{{/* The test's pod has a name of its own: the admin Service selects by name and instance. */}}
{{- define "deepfix.selectorLabels" -}}
app.kubernetes.io/name: {{ include "deepfix.name" .ctx }}{{ if eq .component "test" }}-test{{ end }}
app.kubernetes.io/instance: {{ .ctx.Release.Name }}
app.kubernetes.io/component: {{ .component }}
{{- end }}

{{- define "deepfix.labels" -}}
helm.sh/chart: {{ printf "%s-%s" .ctx.Chart.Name .ctx.Chart.Version | replace "+" "_" | trunc 63 | trimSuffix "-" }}
app.kubernetes.io/managed-by: {{ .ctx.Release.Service }}
app.kubernetes.io/version: {{ .ctx.Chart.AppVersion | quote }}
{{ include "deepfix.selectorLabels" . }}
{{- end }}

{{/* The settings of a component as YAML: its own over the defaults. */}}
{{- define "deepfix.settings" -}}
{{- mergeOverwrite (deepCopy .ctx.Values.defaults) (deepCopy (index .ctx.Values.components .component)) | toYaml }}
{{- end }}

{{- define "deepfix.portName" -}}
{{- eq .component "gateway" | ternary "rest" "grpc" }}
{{- end }}

{{- define "deepfix.port" -}}
{{- eq .component "gateway" | ternary 8844 50051 }}
{{- end }}

{{/* Not empty for the components that read or write artifacts. */}}
{{- define "deepfix.usesStore" -}}
{{- if not (has .component (list "kb" "reasoning")) }}true{{ end }}
{{- end }}

{{- define "deepfix.storeClaim" -}}
{{- default (printf "%s-artifacts" (include "deepfix.fullname" .)) .Values.store.existingClaim }}
{{- end }}

{{/* How many replicas are sure to exist. */}}
{{- define "deepfix.minReplicas" -}}
{{- $settings := include "deepfix.settings" . | fromYaml }}
{{- $settings.autoscaling.enabled | ternary $settings.autoscaling.minReplicas $settings.replicas }}
{{- end }}

{{- define "deepfix.image" -}}
{{- with .Values.image }}
{{- if .digest }}
{{- printf "%s@%s" .repository .digest }}
{{- else }}
{{- printf "%s:%s" .repository (default $.Chart.AppVersion .tag) }}
{{- end }}
{{- end }}
{{- end }}

{{- define "deepfix.serviceAccountName" -}}
{{- default (.Values.serviceAccount.create | ternary (include "deepfix.fullname" .) "default") .Values.serviceAccount.name }}
{{- end }}

{{/* What every pod of the chart says, the test's included. */}}
{{- define "deepfix.podBasics" -}}
serviceAccountName: {{ include "deepfix.serviceAccountName" . }}
automountServiceAccountToken: false
{{- /* Service links would set DEEPFIX_..._PORT and kin, which the binary would read as configuration. */}}
enableServiceLinks: false
{{- with .Values.imagePullSecrets }}
imagePullSecrets:
  {{- toYaml . | nindent 2 }}
{{- end }}
securityContext:
  runAsNonRoot: true
  {{- with .Values.security.uid }}
  runAsUser: {{ . }}
  {{- end }}
  {{- with .Values.security.gid }}
  runAsGroup: {{ . }}
  fsGroup: {{ . }}
  {{- end }}
  fsGroupChangePolicy: OnRootMismatch
  seccompProfile:
    type: RuntimeDefault
{{- end }}

{{- define "deepfix.containerSecurity" -}}
allowPrivilegeEscalation: false
privileged: false
readOnlyRootFilesystem: true
runAsNonRoot: true
capabilities:
  drop:
    - ALL
{{- end }}

{{/* The configuration file. Targets left empty become the Services of this release: short names, one DNS lookup. */}}
{{- define "deepfix.config" -}}
{{- $config := deepCopy .Values.config }}
{{- range $name, $service := $config.gateway.services }}
{{- if not $service.target }}
{{- $component := hasKey $.Values.components $name | ternary $name (printf "%s-agent" $name) }}
{{- $args := dict "ctx" $ "component" $component }}
{{- $_ := set $service "target" (printf "http://%s:%s" (include "deepfix.componentName" $args) (include "deepfix.port" $args)) }}
{{- end }}
{{- end }}
{{- toToml $config }}
{{- end }}
