{{/*
What the chart's own Secret holds. Passwords of stores in the chart are made once and then kept: an upgrade
reads them back from the cluster, since Postgres keeps the password that it was started with.
*/}}
{{- define "oms.secretData" -}}
{{- $found := (lookup "v1" "Secret" .Release.Namespace (include "oms.secretName" .)).data | default dict -}}
{{- $full := include "oms.fullname" . -}}
{{- if .Values.postgres.inChart }}
{{- $password := index $found "postgres-password" | default "" | b64dec | default (randAlphaNum 32) }}
postgres-password: {{ $password | quote }}
postgres-dsn: {{ printf "postgresql://oms:%s@%s-postgres:5432/oms" $password $full | quote }}
{{- else }}
postgres-dsn: {{ .Values.postgres.dsn | quote }}
{{- end }}
{{- if .Values.postgres.readReplica.enabled }}
postgres-read-dsn: {{ .Values.postgres.readReplica.dsn | quote }}
{{- end }}
{{- if hasPrefix "SASL" .Values.kafka.security.protocol }}
kafka-password: {{ .Values.kafka.security.password | quote }}
{{- end }}
{{- if .Values.redis.inChart }}
{{- $password := index $found "redis-password" | default "" | b64dec | default (randAlphaNum 32) }}
redis-password: {{ $password | quote }}
redis-url: {{ printf "redis://:%s@%s-redis:6379/0" $password $full | quote }}
{{- else }}
redis-url: {{ .Values.redis.url | quote }}
{{- end }}
{{- if .Values.keycloak.inChart }}
keycloak-password: {{ index $found "keycloak-password" | default "" | b64dec | default (randAlphaNum 32) | quote }}
persona-password: {{ index $found "persona-password" | default "" | b64dec | default (randAlphaNum 32) | quote }}
client-secret: {{ index $found "client-secret" | default "" | b64dec | default (randAlphaNum 32) | quote }}
{{- end }}
{{- end }}
