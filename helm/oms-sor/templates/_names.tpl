{{/* Names and labels. A release "oms" has oms-api, oms-core, oms-postgres and so on. */}}

{{- define "oms.fullname" -}}
{{ .Values.fullnameOverride | default .Release.Name | trunc 40 | trimSuffix "-" }}
{{- end }}

{{/* Takes (root, component). */}}
{{- define "oms.name" -}}
{{ include "oms.fullname" .root }}-{{ .component }}
{{- end }}

{{/* What selectors hold: immutable in Deployments and StatefulSets, so never anything that changes. */}}
{{- define "oms.selector" -}}
app.kubernetes.io/name: {{ .root.Chart.Name }}
app.kubernetes.io/instance: {{ .root.Release.Name }}
app.kubernetes.io/component: {{ .component }}
{{- end }}

{{- define "oms.labels" -}}
{{ include "oms.selector" . }}
app.kubernetes.io/version: {{ .root.Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .root.Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .root.Chart.Name .root.Chart.Version | replace "+" "_" }}
{{- end }}

{{/* Of a service's pods. The chart's version is not among them: it alone is no reason to start them anew. */}}
{{- define "oms.podLabels" -}}
{{ include "oms.selector" . }}
app.kubernetes.io/version: {{ .root.Values.image.tag | default .root.Chart.AppVersion | quote }}
{{- end }}

{{- define "oms.metadata" -}}
name: {{ include "oms.name" . }}
namespace: {{ .root.Release.Namespace }}
labels:
  {{- include "oms.labels" . | nindent 2 }}
{{- end }}

{{/* Takes (root, image): an image of this project. */}}
{{- define "oms.image" -}}
{{- $tag := .root.Values.image.tag | default .root.Chart.AppVersion -}}
{{ with .root.Values.image.registry }}{{ . }}/{{ end }}{{ .image }}:{{ $tag }}{{ with get .root.Values.image.digests .image }}@{{ . }}{{ end }}
{{- end }}

{{- define "oms.secretName" -}}
{{ .Values.secrets.existingSecret | default (printf "%s-secrets" (include "oms.fullname" .)) }}
{{- end }}
