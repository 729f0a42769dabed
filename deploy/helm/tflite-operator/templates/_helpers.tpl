{{/* An image by its digest where there is one, else by its tag, else by the chart's version. */}}
{{- define "tflite-operator.image" -}}
{{- if .image.digest -}}
{{ .image.repository }}{{ with .image.tag }}:{{ . }}{{ end }}@{{ .image.digest }}
{{- else -}}
{{ .image.repository }}:{{ .image.tag | default .version }}
{{- end -}}
{{- end -}}

{{/* What the operator's process reads from its environment. */}}
{{- define "tflite-operator.settings" -}}
CONVERTER_IMAGE: {{ include "tflite-operator.image" (dict "image" .Values.converterImage "version" .Chart.AppVersion) | quote }}
{{- with .Values.watchNamespaces }}
WATCH_NAMESPACES: {{ join "," . | quote }}
{{- end }}
{{- with .Values.imagePullSecrets }}
CONVERTER_PULL_SECRETS: {{ join "," . | quote }}
{{- end }}
{{- with .Values.proxy }}
{{- if and .secretName (or .http .https) }}
{{- fail "proxy.secretName: stands in the place of proxy.http and proxy.https; set it or them" }}
{{- end }}
{{- with .http }}
CONVERTER_HTTP_PROXY: {{ . | quote }}
{{- end }}
{{- with .https }}
CONVERTER_HTTPS_PROXY: {{ . | quote }}
{{- end }}
{{- with .noProxy }}
CONVERTER_NO_PROXY: {{ join "," . | quote }}
{{- end }}
{{- with .secretName }}
CONVERTER_PROXY_SECRET: {{ . | quote }}
{{- end }}
{{- end }}
{{- if .Values.certificateAuthorities.configMap }}
CONVERTER_CA_CONFIG_MAP: {{ .Values.certificateAuthorities.configMap | quote }}
CONVERTER_CA_KEY: {{ .Values.certificateAuthorities.key | quote }}
{{- end }}
{{- range $name, $value := .Values.settings }}
{{/* Not quote alone: it writes large numbers in powers of ten. */}}
{{- $name | snakecase | upper }}: {{ kindIs "string" $value | ternary $value (toJson $value) | quote }}
{{- end }}
{{- end -}}
