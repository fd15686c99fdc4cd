{{- define "deepfix.deployment" -}}
{{- $values := .ctx.Values }}
{{- $settings := include "deepfix.settings" . | fromYaml }}
{{- $shutdown := $values.config.shutdown }}
{{- $drain := trimSuffix "s" $shutdown.drain | int }}
{{- $grace := trimSuffix "s" $shutdown.grace | int }}
apiVersion: apps/v1
kind: Deployment
metadata:
  name: {{ include "deepfix.componentName" . }}
  labels:
    {{- include "deepfix.labels" . | nindent 4 }}
spec:
  {{- if not $settings.autoscaling.enabled }}
  replicas: {{ $settings.replicas }}
  {{- end }}
  revisionHistoryLimit: 3
  strategy:
    type: RollingUpdate
    rollingUpdate:
      maxUnavailable: 0
      maxSurge: 1
  selector:
    matchLabels:
      {{- include "deepfix.selectorLabels" . | nindent 6 }}
  template:
    metadata:
      labels:
        {{- include "deepfix.selectorLabels" . | nindent 8 }}
        {{- with $settings.podLabels }}
        {{- toYaml . | nindent 8 }}
        {{- end }}
      annotations:
        checksum/config: {{ include "deepfix.config" .ctx | sha256sum }}
        {{- with $settings.podAnnotations }}
        {{- toYaml . | nindent 8 }}
        {{- end }}
    spec:
      {{- include "deepfix.podBasics" .ctx | nindent 6 }}
      {{- with $settings.priorityClassName }}
      priorityClassName: {{ . }}
      {{- end }}
      # Counted from the start of the deletion: preStop pause, drain and grace must fit, plus 5 s to flush
      # telemetry and exit. Shorter, and calls the process still means to finish are cut by SIGKILL.
      terminationGracePeriodSeconds: {{ add $settings.preStopSeconds $drain $grace 5 }}
      containers:
        - name: {{ .component }}
          image: {{ include "deepfix.image" .ctx | quote }}
          imagePullPolicy: {{ $values.image.pullPolicy }}
          args:
            - serve
            - {{ .component }}
            - --listen
            - 0.0.0.0:{{ include "deepfix.port" . }}
            - --admin
            - 0.0.0.0:8845
            - --config
            - /etc/deepfix/deepfix.toml
          {{- with $settings.extraEnv }}
          env:
            {{- toYaml . | nindent 12 }}
          {{- end }}
          {{- with $settings.extraEnvFrom }}
          envFrom:
            {{- toYaml . | nindent 12 }}
          {{- end }}
          ports:
            - name: {{ include "deepfix.portName" . }}
              containerPort: {{ include "deepfix.port" . }}
            - name: admin
              containerPort: 8845
          startupProbe:
            httpGet:
              path: /startupz
              port: admin
            {{- toYaml $settings.probes.startup | nindent 12 }}
          livenessProbe:
            httpGet:
              path: /livez
              port: admin
            {{- toYaml $settings.probes.liveness | nindent 12 }}
          readinessProbe:
            httpGet:
              path: /readyz
              port: admin
            {{- toYaml $settings.probes.readiness | nindent 12 }}
          {{- with int $settings.preStopSeconds }}
          lifecycle:
            preStop:
              # The pod leaves the endpoints while this runs; SIGTERM comes only when callers have noticed.
              sleep:
                seconds: {{ . }}
          {{- end }}
          resources:
            {{- toYaml $settings.resources | nindent 12 }}
          securityContext:
            {{- include "deepfix.containerSecurity" .ctx | nindent 12 }}
          volumeMounts:
            - name: config
              mountPath: /etc/deepfix
              readOnly: true
            - name: tmp
              mountPath: /tmp
            {{- if include "deepfix.usesStore" . }}
            - name: artifacts
              mountPath: {{ $values.config.store.path }}
              {{- if and $values.store.enabled (ne .component "gateway") }}
              readOnly: true
              {{- end }}
            {{- end }}
            {{- with $settings.extraVolumeMounts }}
            {{- toYaml . | nindent 12 }}
            {{- end }}
      volumes:
        - name: config
          configMap:
            name: {{ include "deepfix.fullname" .ctx }}
        - name: tmp
          emptyDir:
            sizeLimit: {{ $settings.tmpSize }}
        {{- if include "deepfix.usesStore" . }}
        - name: artifacts
          {{- if $values.store.enabled }}
          persistentVolumeClaim:
            claimName: {{ include "deepfix.storeClaim" .ctx }}
          {{- else }}
          emptyDir:
            sizeLimit: {{ $values.store.size }}
          {{- end }}
        {{- end }}
        {{- with $settings.extraVolumes }}
        {{- toYaml . | nindent 8 }}
        {{- end }}
      {{- if $settings.topologySpread.enabled }}
      topologySpreadConstraints:
        {{- range $settings.topologySpread.topologyKeys }}
        - maxSkew: 1
          topologyKey: {{ . }}
          whenUnsatisfiable: {{ $settings.topologySpread.whenUnsatisfiable }}
          labelSelector:
            matchLabels:
              {{- include "deepfix.selectorLabels" $ | nindent 14 }}
          matchLabelKeys:
            - pod-template-hash
        {{- end }}
      {{- end }}
      {{- with $settings.nodeSelector }}
      nodeSelector:
        {{- toYaml . | nindent 8 }}
      {{- end }}
      {{- with $settings.tolerations }}
      tolerations:
        {{- toYaml . | nindent 8 }}
      {{- end }}
      {{- with $settings.affinity }}
      affinity:
        {{- toYaml . | nindent 8 }}
      {{- end }}
{{- end }}
