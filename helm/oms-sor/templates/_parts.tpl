{{/*
The table of what runs: everything else is drawn from it.

kind, image and command say what it is. key is its place under .Values.services. ports are the container's.
probes is the port that the kubelet asks for /health/live and /health/ready; metrics and what readiness stands on
are on the port health. settings go into its ConfigMap; needs are the
stores it opens and calls the other parts it connects to: NetworkPolicies come from both. scales says that
more than one may be active.
*/}}
{{- define "oms.parts" -}}
{{- $full := include "oms.fullname" . -}}
{{- $values := .Values -}}
{{- $simulated := $values.simulators.enabled -}}
{{- $quotes := dict
    "OMS_MARKET_DATA_HOST" (ternary (printf "%s-market-data" $full) $values.marketData.host $simulated)
    "OMS_MARKET_DATA_PORT" (ternary "9090" ($values.marketData.port | toString) $simulated) -}}
api:
  enabled: true
  key: api
  kind: Deployment
  image: oms-api
  command: [python, -m, oms_api]
  ports: {http: 8080, grpc: 9090, health: 8090{{ if $values.fixClients.enabled }}, fix: 9880{{ end }}}
  # The loop that serves clients answers there: one that is stuck is not alive.
  probes: http
  scales: true
  drains: true
  needs: [postgres, kafka, redis, oidc]
  reads: true
  calls: {core: 9090, sor-answers: 9090, market-data: 9090}
  settings:
    {{- $quotes | toYaml | nindent 4 }}
    OMS_API_HTTP_PORT: "8080"
    OMS_API_GRPC_PORT: "9090"
    OMS_API_HEALTH_PORT: "8090"
    {{- if $values.fixClients.enabled }}
    OMS_API_FIX_PORT: "9880"
    OMS_API_FIX_COMP_ID: {{ $values.fixClients.compId | quote }}
    {{- if $values.fixClients.tls.secret }}
    OMS_API_FIX_CERTIFICATE: /etc/oms/fix/tls.crt
    OMS_API_FIX_KEY: /etc/oms/fix/tls.key
    {{- if $values.fixClients.tls.clientCertificates }}
    OMS_API_FIX_CLIENT_CA: /etc/oms/fix/ca.crt
    {{- end }}
    {{- end }}
    {{- end }}
    OMS_API_CORE_HOST: {{ $full }}-core
    OMS_API_CORE_PORT: "9090"
    OMS_API_SOR_HOST: {{ $full }}-sor-answers
    OMS_API_SOR_PORT: "9090"
    OMS_API_OIDC_ISSUER: {{ include "oms.issuer" . }}
    OMS_API_OIDC_AUDIENCE: {{ $values.oidc.audience | quote }}
    {{- with include "oms.issuerInside" . }}
    OMS_API_OIDC_INTERNAL_URL: {{ . | quote }}
    {{- end }}
    {{- with include "oms.pageClient" . }}
    OMS_API_PAGE_CLIENT_ID: {{ . | quote }}
    {{- end }}
    {{- if $values.postgres.readReplica.enabled }}
    OMS_API_READ_LAG_MS_MAX: {{ $values.postgres.readReplica.lagMsMax | quote }}
    {{- end }}
    {{- if $values.oidc.caFromBundle }}
    SSL_CERT_FILE: /etc/oms/ca/ca.crt
    {{- end }}
  {{- if and $values.fixClients.enabled $values.fixClients.tls.secret }}
  secretFolder: {name: {{ $values.fixClients.tls.secret }}, path: /etc/oms/fix}
  {{- end }}
core:
  enabled: true
  key: core
  kind: Deployment
  image: oms-core
  command: [python, -m, oms_core]
  ports: {health: 8090, grpc: 9090}
  probes: health
  scales: true
  needs: [postgres, kafka]
  calls: {market-data: 9090}
  settings:
    {{- $quotes | toYaml | nindent 4 }}
    OMS_CORE_HEALTH_PORT: "8090"
    OMS_CORE_GRPC_PORT: "9090"
    OMS_KAFKA_ASSIGNMENT: group
sor-engine:
  enabled: true
  key: sorEngine
  kind: Deployment
  image: sor-engine
  command: [python, -m, sor_engine]
  ports: {health: 8090}
  probes: health
  scales: true
  needs: [postgres, kafka]
  calls: {market-data: 9090}
  settings:
    {{- $quotes | toYaml | nindent 4 }}
    OMS_SOR_HEALTH_PORT: "8090"
    OMS_KAFKA_ASSIGNMENT: group
scorekeeper:
  enabled: true
  key: scorekeeper
  kind: Deployment
  image: sor-engine
  command: [python, -m, sor_engine, scorekeeper]
  ports: {health: 8090}
  probes: health
  strategy: {type: Recreate}
  needs: [postgres, kafka]
  calls: {market-data: 9090}
  settings:
    {{- $quotes | toYaml | nindent 4 }}
    OMS_SOR_SCOREKEEPER_HEALTH_PORT: "8090"
sor-answers:
  enabled: true
  key: sorAnswers
  kind: Deployment
  image: sor-engine
  command: [python, -m, sor_engine, answer]
  ports: {health: 8090, grpc: 9090}
  probes: health
  needs: [postgres]
  calls: {market-data: 9090}
  settings:
    {{- $quotes | toYaml | nindent 4 }}
    OMS_SOR_ANSWERS_HEALTH_PORT: "8090"
    OMS_SOR_ANSWERS_GRPC_PORT: "9090"
execution-adapter:
  enabled: true
  key: executionAdapter
  kind: Deployment
  # Its Service was a StatefulSet's, and an API server does not change that.
  headless: true
  image: execution-adapter
  command: [python, -m, execution_adapter]
  ports: {health: 8090}
  probes: health
  strategy: {type: Recreate}
  needs: [postgres, kafka]
  calls: {broker: 9878, market-data: 9090}
  settings:
    {{- $quotes | toYaml | nindent 4 }}
    OMS_ADAPTER_HEALTH_PORT: "8090"
    OMS_ADAPTER_FIX_HOST: {{ ternary (printf "%s-broker" $full) $values.fix.host $simulated }}
    OMS_ADAPTER_FIX_PORT: {{ ternary 9878 $values.fix.port $simulated | quote }}
    OMS_ADAPTER_FIX_SENDER: {{ $values.fix.sender | quote }}
    {{- if $values.fix.sessionSecrets }}
    OMS_ADAPTER_SECRETS_DIR: /etc/oms/sessions
  secretFolder: {name: {{ $values.fix.sessionSecrets }}, path: /etc/oms/sessions}
    {{- end }}
market-data:
  enabled: {{ $simulated }}
  key: marketData
  kind: Deployment
  image: marketdata-simulator
  command: [python, -m, simulators.market_data]
  ports: {health: 8090, grpc: 9090}
  probes: health
  strategy: {type: Recreate}
  needs: [postgres, kafka]
  calls: {}
  settings:
    OMS_MARKETDATA_SIM_HEALTH_PORT: "8090"
    OMS_MARKETDATA_SIM_GRPC_PORT: "9090"
broker:
  enabled: {{ $simulated }}
  key: broker
  kind: StatefulSet
  image: broker-simulator
  command: [python, -m, simulators.broker]
  ports: {health: 8090, fix: 9878}
  probes: health
  folder: {name: journal, path: /var/lib/oms/broker}
  needs: [postgres]
  calls: {market-data: 9090}
  settings:
    {{- $quotes | toYaml | nindent 4 }}
    OMS_BROKER_SIM_HEALTH_PORT: "8090"
    OMS_BROKER_SIM_FIX_PORT: "9878"
    OMS_BROKER_SIM_DATA: /var/lib/oms/broker
{{- end }}

{{/* The stores: their ports, and whether they run in the chart. Takes root. */}}
{{- define "oms.stores" -}}
postgres: {port: {{ ternary 5432 .Values.postgres.port .Values.postgres.inChart }}, inChart: {{ .Values.postgres.inChart }}}
kafka: {port: {{ include "oms.kafkaBootstrap" . | splitList "," | first | splitList ":" | last }}, inChart: {{ .Values.kafka.inChart }}}
redis: {port: {{ ternary 6379 .Values.redis.port .Values.redis.inChart }}, inChart: {{ .Values.redis.inChart }}}
oidc: {port: {{ ternary 8080 .Values.oidc.port .Values.keycloak.inChart }}, inChart: {{ .Values.keycloak.inChart }}, component: keycloak}
{{- end }}

{{- define "oms.kafkaBootstrap" -}}
{{ if .Values.kafka.inChart }}{{ include "oms.fullname" . }}-kafka:9092{{ else }}{{ .Values.kafka.bootstrap }}{{ end }}
{{- end }}

{{- define "oms.issuer" -}}
{{ if .Values.keycloak.inChart }}{{ .Values.keycloak.publicUrl | default (printf "http://%s-keycloak:8080" (include "oms.fullname" .)) }}/realms/oms{{ else }}{{ .Values.oidc.issuer }}{{ end }}
{{- end }}

{{/* Where the issuer's documents are from inside; empty: where its name leads. */}}
{{- define "oms.issuerInside" -}}
{{ if not .Values.keycloak.inChart }}{{ .Values.oidc.internalUrl }}{{ else if .Values.keycloak.publicUrl }}http://{{ include "oms.fullname" . }}-keycloak:8080/realms/oms{{ end }}
{{- end }}

{{/* The desk page's client, empty for none: browsers do not reach a Keycloak that is inside only. */}}
{{- define "oms.pageClient" -}}
{{ if and .Values.keycloak.inChart (not .Values.keycloak.publicUrl) }}{{ else if .Values.keycloak.inChart }}oms-web{{ else }}{{ .Values.oidc.pageClientId }}{{ end }}
{{- end }}

{{/* How to speak to Kafka; its password is a secret. Takes root. */}}
{{- define "oms.kafkaSettings" -}}
OMS_KAFKA_BOOTSTRAP: {{ include "oms.kafkaBootstrap" . | quote }}
OMS_KAFKA_PARTITIONS: {{ .Values.kafka.partitions | quote }}
OMS_KAFKA_REPLICATION: {{ .Values.kafka.replication | quote }}
OMS_KAFKA_MIN_INSYNC: {{ .Values.kafka.minInsync | quote }}
{{- with .Values.kafka.security }}
{{- if ne .protocol "PLAINTEXT" }}
OMS_KAFKA_SECURITY: {{ .protocol }}
{{- end }}
{{- if hasPrefix "SASL" .protocol }}
OMS_KAFKA_SASL_MECHANISM: {{ .mechanism }}
OMS_KAFKA_USER: {{ .user | quote }}
{{- end }}
{{- if and (hasSuffix "SSL" .protocol) $.Values.caBundle.configMap }}
OMS_KAFKA_CA: /etc/oms/ca/ca.crt
{{- end }}
{{- end }}
{{- end }}

{{/* The port of the collector's address. Takes root. */}}
{{- define "oms.tracingPort" -}}
{{- $url := urlParse .Values.tracing.endpoint -}}
{{- $host := splitList ":" $url.host -}}
{{- if gt (len $host) 1 }}{{ last $host }}{{ else }}{{ ternary "443" "80" (eq $url.scheme "https") }}{{ end -}}
{{- end }}

{{/* A part's values: .Values.defaults, then its own. Takes (root, part). */}}
{{- define "oms.own" -}}
{{ mergeOverwrite (deepCopy .root.Values.defaults) (deepCopy (index .root.Values.services .part.key)) | toYaml }}
{{- end }}

{{/* A part's whole ConfigMap. Takes (root, part). */}}
{{- define "oms.settings" -}}
{{- $own := index .root.Values.services .part.key -}}
{{- $shared := dict
    "OMS_HOST" "0.0.0.0"
    "OMS_LOG_LEVEL" .root.Values.logLevel
    "OMS_KAFKA_FETCH_WAIT_MS" (.root.Values.kafka.fetchWaitMs | toString) -}}
{{- if has "kafka" .part.needs }}{{ $shared = merge $shared (include "oms.kafkaSettings" .root | fromYaml) }}{{ end -}}
{{- with .root.Values.tracing }}
{{- if .endpoint }}
{{- $shared = merge $shared (dict "OMS_TRACE_ENDPOINT" .endpoint "OMS_TRACE_RATIO" (.ratio | toString) "OMS_TRACE_SLOW_MS" (.slowMs | toString)) }}
{{- end }}
{{- end }}
{{ mergeOverwrite $shared .part.settings (.root.Values.settings | default dict) ($own.settings | default dict) | toYaml }}
{{- end }}
