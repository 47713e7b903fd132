{{/* What every pod of the chart shares: who it runs as, and what it may not. */}}

{{- define "oms.podSecurity" -}}
runAsNonRoot: true
runAsUser: {{ .uid }}
runAsGroup: {{ .uid }}
fsGroup: {{ .uid }}
fsGroupChangePolicy: OnRootMismatch
seccompProfile:
  type: RuntimeDefault
{{- end }}

{{- define "oms.containerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
runAsNonRoot: true
capabilities:
  drop: [ALL]
{{- end }}

{{/* Secrets as variables, by what is needed. Takes (root, needs, reads: whether it may use a read replica). */}}
{{- define "oms.secretVariables" -}}
{{- if has "postgres" .needs }}
- name: OMS_POSTGRES_DSN
  valueFrom:
    secretKeyRef:
      name: {{ include "oms.secretName" .root }}
      key: postgres-dsn
{{- end }}
{{- if and .reads .root.Values.postgres.readReplica.enabled }}
- name: OMS_API_READ_DSN
  valueFrom:
    secretKeyRef:
      name: {{ include "oms.secretName" .root }}
      key: postgres-read-dsn
{{- end }}
{{- if and (has "kafka" .needs) (hasPrefix "SASL" .root.Values.kafka.security.protocol) }}
- name: OMS_KAFKA_PASSWORD
  valueFrom:
    secretKeyRef:
      name: {{ include "oms.secretName" .root }}
      key: kafka-password
{{- end }}
{{- if has "redis" .needs }}
- name: OMS_REDIS_URL
  valueFrom:
    secretKeyRef:
      name: {{ include "oms.secretName" .root }}
      key: redis-url
{{- end }}
{{- end }}

{{- define "oms.caMount" -}}
{{- if .Values.caBundle.configMap }}
- name: ca
  mountPath: /etc/oms/ca
  readOnly: true
{{- end }}
{{- end }}

{{- define "oms.caVolume" -}}
{{- with .Values.caBundle }}
{{- if .configMap }}
- name: ca
  configMap:
    name: {{ .configMap }}
    items:
      - key: {{ .key }}
        path: ca.crt
{{- end }}
{{- end }}
{{- end }}

{{/* Where a pod may land and who may pull. Takes (root, own, component). */}}
{{- define "oms.placement" -}}
{{- with .root.Values.image.pullSecrets }}
imagePullSecrets:
  {{- range . }}
  - name: {{ . }}
  {{- end }}
{{- end }}
{{- with .own.priorityClassName }}
priorityClassName: {{ . }}
{{- end }}
{{- with .own.nodeSelector }}
nodeSelector:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .own.tolerations }}
tolerations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .own.affinity }}
affinity:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}
