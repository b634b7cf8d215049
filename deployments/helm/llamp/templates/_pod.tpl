{{/* Shared by the server and the migration, so that neither can lack what the other has. */}}

{{- define "llamp.podMetadata" -}}
labels:
  {{- include "llamp.labels" .root | nindent 2 }}
  app.kubernetes.io/component: {{ .component }}
  {{- with .root.Values.podLabels }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
{{- if or .root.Values.podAnnotations (eq .component "server") }}
annotations:
  {{- if eq .component "server" }}
  # A change of the file replaces the pods. One of the Secret does not: kubectl rollout restart.
  checksum/models: {{ .root.Values.modelsFile | sha256sum }}
  {{- end }}
  {{- with .root.Values.podAnnotations }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
{{- end }}
{{- end -}}

{{- define "llamp.podSpec" -}}
automountServiceAccountToken: false
enableServiceLinks: false
{{- with .Values.serviceAccountName }}
serviceAccountName: {{ . }}
{{- end }}
{{- with .Values.imagePullSecrets }}
imagePullSecrets:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.priorityClassName }}
priorityClassName: {{ . }}
{{- end }}
securityContext:
  runAsNonRoot: true
  {{- with .Values.runAsUser }}
  runAsUser: {{ . }}
  {{- end }}
  {{- with .Values.runAsGroup }}
  runAsGroup: {{ . }}
  {{- end }}
  {{- with .Values.fsGroup }}
  fsGroup: {{ . }}
  fsGroupChangePolicy: OnRootMismatch
  {{- end }}
  seccompProfile:
    type: RuntimeDefault
{{- with .Values.initContainers }}
initContainers:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.nodeSelector }}
nodeSelector:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.tolerations }}
tolerations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.affinity }}
affinity:
  {{- toYaml . | nindent 2 }}
{{- end }}
volumes:
  - name: tmp
    emptyDir:
      sizeLimit: 256Mi
  - name: data
    emptyDir:
      sizeLimit: {{ .Values.dataSizeLimit }}
  - name: secrets
    secret:
      secretName: {{ .Values.existingSecret }}
      # Readable for the group of the pod.
      defaultMode: 0440
  {{- if .Values.modelsFile }}
  - name: models
    configMap:
      name: {{ include "llamp.name" . }}-models
      # The migration runs before it exists, and does not need it.
      optional: true
  {{- end }}
  {{- with .Values.extraVolumes }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
{{- end -}}

{{- define "llamp.containerSecurityContext" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities:
  drop: [ALL]
{{- end -}}

{{- define "llamp.container" -}}
image: {{ include "llamp.image" . }}
imagePullPolicy: {{ .Values.image.pullPolicy }}
securityContext:
  {{- include "llamp.containerSecurityContext" . | nindent 2 }}
env:
  {{- include "llamp.environment" . | nindent 2 }}
{{- with .Values.extraEnvFrom }}
envFrom:
  {{- toYaml . | nindent 2 }}
{{- end }}
volumeMounts:
  - name: tmp
    mountPath: /tmp
  - name: data
    mountPath: /var/lib/llamp
  - name: secrets
    mountPath: /etc/llamp/secrets
    readOnly: true
  {{- if .Values.modelsFile }}
  - name: models
    mountPath: /etc/llamp/models
    readOnly: true
  {{- end }}
  {{- with .Values.extraVolumeMounts }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
{{- end -}}

{{- define "llamp.environment" -}}
{{- $secrets := dict
  "databaseUrl" "DATABASE_URL_FILE"
  "redisUrl" "REDIS_URL_FILE"
  "objectStoreAccessKey" "MINIO_ACCESS_KEY_FILE"
  "objectStoreSecretKey" "MINIO_SECRET_KEY_FILE"
  "secretKey" "LLAMP_SECRET_KEY_FILE"
  "openaiApiKey" "OPENAI_API_KEY_FILE"
  "backupAccessKey" "LLAMP_BACKUP_S3_ACCESS_KEY_FILE"
  "backupSecretKey" "LLAMP_BACKUP_S3_SECRET_KEY_FILE"
  "bootstrapAdminEmail" "LLAMP_BOOTSTRAP_ADMIN_EMAIL_FILE"
  "bootstrapAdminPassword" "LLAMP_BOOTSTRAP_ADMIN_PASSWORD_FILE"
  "bootstrapApiKey" "LLAMP_BOOTSTRAP_API_KEY_FILE" -}}
- name: MINIO_ENDPOINT
  value: {{ .Values.objectStore.endpoint | quote }}
- name: MINIO_BUCKET
  value: {{ .Values.objectStore.bucket | quote }}
- name: MILVUS_HOST
  value: {{ .Values.milvus.host | quote }}
- name: MILVUS_PORT
  value: {{ .Values.milvus.port | quote }}
- name: LLAMP_DRAIN_TIMEOUT_MS
  value: {{ mul .Values.drain.timeoutSeconds 1000 | quote }}
{{- if .Values.metrics.enabled }}
- name: LLAMP_METRICS_PORT
  value: {{ .Values.metrics.port | quote }}
{{- end }}
{{- if .Values.modelsFile }}
- name: LLAMP_CONFIG_FILE
  value: /etc/llamp/models/models.yaml
{{- end }}
{{- range $key, $variable := $secrets }}
{{- with index $.Values.secretKeys $key }}
- name: {{ $variable }}
  value: /etc/llamp/secrets/{{ . }}
{{- end }}
{{- end }}
- name: NODE_OPTIONS
  value: --max-old-space-size={{ .Values.heapMb }}
{{- range $name, $value := .Values.config }}
- name: {{ $name }}
  value: {{ $value | quote }}
{{- end }}
{{- with .Values.extraEnv }}
{{ toYaml . }}
{{- end }}
{{- end -}}
