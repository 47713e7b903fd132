{{- define "oms.egressToDns" -}}
- to:
    - namespaceSelector: {}
      podSelector:
        matchLabels:
          k8s-app: kube-dns
  ports:
    - {protocol: UDP, port: 53}
    - {protocol: TCP, port: 53}
{{- end }}

{{/* Takes (root, store, facts). */}}
{{- define "oms.egressToStore" -}}
- to:
    {{- if .facts.inChart }}
    - podSelector:
        matchLabels:
          {{- include "oms.selector" (dict "root" .root "component" (.facts.component | default .store)) | nindent 10 }}
    {{- else }}
    {{- toYaml .root.Values.networkPolicy.outside | nindent 4 }}
    {{- end }}
  ports:
    - {protocol: TCP, port: {{ .facts.port }}}
{{- end }}
