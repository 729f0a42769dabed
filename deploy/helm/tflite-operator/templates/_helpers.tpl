{{/* An image by its digest if there is one, else by its tag, else by the chart's version. */}}
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
{{- if and (not .Values.settings.leaderElection) (gt (int .Values.replicas) 1) }}
{{- fail "replicas: without settings.leaderElection all of them would work at once; set replicas to 1, or leave settings.leaderElection at true" }}
{{- end }}
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

{{/* The marks of a conversion's Jobs and pods, as operator/tflite_operator/core/labels.py has them. */}}
{{- define "tflite-operator.label" -}}
tflite-operator.dev/conversion
{{- end -}}
{{- define "tflite-operator.annotations" -}}
{{- range $index, $name := list "conversion-name" "generation" "attempt" "failures" "requestedAt" "forced" -}}
{{ if $index }}, {{ end }}'tflite-operator.dev/{{ $name }}'
{{- end -}}
{{- end -}}

{{/* CEL: whether metadata, named by a path, carry marks. Every field may be absent. */}}
{{- define "tflite-operator.isMarked" -}}
has({{ . }}.labels) && '{{ include "tflite-operator.label" . }}' in {{ . }}.labels ||
has({{ . }}.annotations) && {{ . }}.annotations.exists(key, key in [{{ include "tflite-operator.annotations" . }}])
{{- end -}}
{{- define "tflite-operator.isOwned" -}}
has({{ . }}.ownerReferences) && {{ . }}.ownerReferences.exists(owner, owner.apiVersion.startsWith('tflite-operator.dev/'))
{{- end -}}

{{/* CEL: whether a Job, `object` or `oldObject`, is a conversion's, or its pods would pass for a conversion's. */}}
{{- define "tflite-operator.jobIsOurs" -}}
{{ include "tflite-operator.isMarked" (printf "%s.metadata" .) }} ||
{{ include "tflite-operator.isOwned" (printf "%s.metadata" .) }} ||
has({{ . }}.spec.template.metadata) && (
{{ include "tflite-operator.isMarked" (printf "%s.spec.template.metadata" .) }})
{{- end -}}

{{/* CEL: the same of a pod. */}}
{{- define "tflite-operator.podIsOurs" -}}
{{ include "tflite-operator.isMarked" (printf "%s.metadata" .) }} ||
{{ include "tflite-operator.isOwned" (printf "%s.metadata" .) }}
{{- end -}}

{{/* CEL: whether somebody may write the status of conversions, as the operator's account may. */}}
{{- define "tflite-operator.mayWriteStatus" -}}
authorizer.group('tflite-operator.dev').resource('tfliteconversions').subresource('status').namespace(request.namespace)
.check('patch').allowed()
{{- end -}}

{{/* CEL: whether it is a controller of the cluster's own: it deletes, counts and cleans up. */}}
{{- define "tflite-operator.isControlPlane" -}}
request.userInfo.username == 'system:kube-controller-manager' ||
request.userInfo.username.startsWith('system:serviceaccount:kube-system:')
{{- end -}}

{{/* CEL in YAML: a text. */}}
{{- define "tflite-operator.text" -}}
{{ toJson (toJson .) }}
{{- end -}}

{{/* CEL: the words of a variable that holds them separated by commas. */}}
{{- define "tflite-operator.words" -}}
variables.{{ . }}.split(',').map(one, one.trim()).filter(one, one != '')
{{- end -}}
