{{/*
When the schema's Jobs run. With a database outside, before anything else of the release. With one in the
chart there is none before the first install: then they are plain Jobs beside it, and the services start when
the schema is there.
*/}}
{{- define "oms.jobIsHook" -}}
{{- if or (not .Values.postgres.inChart) (not .Release.IsInstall) }}true{{ end }}
{{- end }}

{{/* Takes (root, weight). */}}
{{- define "oms.hookAnnotations" -}}
{{- if include "oms.jobIsHook" .root }}
helm.sh/hook: {{ ternary "pre-upgrade" "pre-install,pre-upgrade" .root.Values.postgres.inChart }}
helm.sh/hook-weight: {{ .weight | quote }}
helm.sh/hook-delete-policy: before-hook-creation,hook-succeeded
{{- end }}
{{- end }}

{{/* The Secret that a Job reads: before an install there is no other than one that comes as a hook too. */}}
{{- define "oms.jobSecretName" -}}
{{- if and (include "oms.jobIsHook" .) (not .Values.secrets.existingSecret) (not .Values.postgres.inChart) -}}
{{ include "oms.fullname" . }}-schema-secret
{{- else -}}
{{ include "oms.secretName" . }}
{{- end }}
{{- end }}

{{/* One container that brings the database to this version's schema, or seeds it. Takes (root, name, command). */}}
{{- define "oms.schemaContainer" -}}
- name: {{ .name }}
  image: {{ include "oms.image" (dict "root" .root "image" "oms-api") | quote }}
  imagePullPolicy: {{ .root.Values.image.pullPolicy }}
  command: {{ .command | toJson }}
  env:
    - name: OMS_POSTGRES_DSN
      valueFrom:
        secretKeyRef:
          name: {{ include "oms.jobSecretName" .root }}
          key: postgres-dsn
  resources:
    {{- toYaml .root.Values.jobs.resources | nindent 4 }}
  securityContext:
    {{- include "oms.containerSecurity" .root | nindent 4 }}
  volumeMounts:
    - name: tmp
      mountPath: /tmp
    {{- include "oms.caMount" .root | nindent 4 }}
{{- end }}

{{/* A Job's pod. Takes (root, component); the caller adds the containers. */}}
{{- define "oms.jobPod" -}}
restartPolicy: OnFailure
# Before an install there are no service accounts of ours; the Job calls no API of the cluster.
automountServiceAccountToken: false
enableServiceLinks: false
securityContext:
  {{- include "oms.podSecurity" (dict "uid" .root.Values.runAsUser) | nindent 2 }}
{{- include "oms.placement" (dict "root" .root "own" .root.Values.jobs) }}
volumes:
  - name: tmp
    emptyDir:
      sizeLimit: 64Mi
  {{- include "oms.caVolume" .root | nindent 2 }}
{{- end }}
