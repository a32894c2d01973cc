{{- define "streamproc.labels" -}}
app.kubernetes.io/name: streamproc
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{- end }}

{{- define "streamproc.selector" -}}
app.kubernetes.io/name: streamproc
app.kubernetes.io/instance: {{ .root.Release.Name }}
app.kubernetes.io/component: {{ .component }}
{{- end }}

{{- define "streamproc.image" -}}
{{ .Values.image.repository }}:{{ .Values.image.tag | default .Chart.AppVersion }}
{{- end }}

{{- define "streamproc.podSecurity" -}}
runAsNonRoot: true
runAsUser: 10001
runAsGroup: 10001
fsGroup: 10001
seccompProfile: {type: RuntimeDefault}
{{- end }}

{{- define "streamproc.containerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities: {drop: [ALL]}
{{- end }}

{{- define "streamproc.volumes" -}}
- name: tmp
  emptyDir: {}
- name: data
  emptyDir: {}
{{- if .Values.kafka.ca.secret }}
- name: kafka-ca
  secret: {secretName: {{ .Values.kafka.ca.secret }}}
{{- end }}
{{- end }}

{{- define "streamproc.mounts" -}}
- {name: tmp, mountPath: /tmp}
- {name: data, mountPath: /home/streamproc}
{{- if .Values.kafka.ca.secret }}
- {name: kafka-ca, mountPath: /etc/streamproc/kafka, readOnly: true}
{{- end }}
{{- end }}

{{/* A variable out of a Secret. */}}
{{- define "streamproc.secretEnv" -}}
- name: {{ .name }}
  valueFrom: {secretKeyRef: {name: {{ .secret | quote }}, key: {{ .key | quote }}}}
{{- end }}

{{/* What everything of ours has to know of Kafka and of this installation. */}}
{{- define "streamproc.env" -}}
- {name: STREAMPROC_KAFKA_BROKERS, value: {{ required "kafka.brokers must be set" .Values.kafka.brokers | quote }}}
- {name: STREAMPROC_KAFKA_SECURITY_PROTOCOL, value: {{ .Values.kafka.securityProtocol }}}
{{- if hasPrefix "SASL" .Values.kafka.securityProtocol }}
- {name: STREAMPROC_KAFKA_SASL_MECHANISM, value: {{ .Values.kafka.saslMechanism }}}
{{- $sasl := .Values.kafka.sasl }}
{{- $_ := required "kafka.sasl.secret must be set with a SASL protocol" $sasl.secret }}
{{ include "streamproc.secretEnv" (dict "name" "STREAMPROC_KAFKA_SASL_USERNAME" "secret" $sasl.secret "key" $sasl.usernameKey) }}
{{ include "streamproc.secretEnv" (dict "name" "STREAMPROC_KAFKA_SASL_PASSWORD" "secret" $sasl.secret "key" $sasl.passwordKey) }}
{{- end }}
{{- if .Values.kafka.ca.secret }}
- {name: STREAMPROC_KAFKA_SSL_CAFILE, value: /etc/streamproc/kafka/{{ .Values.kafka.ca.key }}}
{{- end }}
{{- with .Values.topicPrefix }}
- {name: STREAMPROC_TOPIC_PREFIX, value: {{ . | quote }}}
{{- end }}
- {name: STREAMPROC_APP_ID, value: {{ .Values.appId | quote }}}
- {name: STREAMPROC_LOG_FORMAT, value: json}
- {name: STREAMPROC_LOG_LEVEL, value: {{ .Values.logLevel }}}
{{- range $name, $value := .Values.settings }}
- {name: {{ $name }}, value: {{ $value | quote }}}
{{- end }}
{{- end }}

{{- define "streamproc.dsn" -}}
{{- $_ := required (printf "postgres.%s.secret must be set" .who) .from.secret }}
{{- include "streamproc.secretEnv" (dict "name" "STREAMPROC_POSTGRES_DSN" "secret" .from.secret "key" .from.key) }}
{{- end }}
