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
{{- range $name, $value := .Values.settings }}
{{/* Not quote alone: it writes large numbers in powers of ten. */}}
{{- $name | snakecase | upper }}: {{ kindIs "string" $value | ternary $value (toJson $value) | quote }}
{{- end }}
{{- end -}}
