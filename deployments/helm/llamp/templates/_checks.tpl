{{/* What no schema can say, in a plain sentence before anything reaches the cluster. */}}
{{- define "llamp.checks" -}}
{{- with .Values -}}
{{- if not .existingSecret -}}
{{- fail "existingSecret is empty: create a Secret with the keys of secretKeys and name it here." -}}
{{- end -}}
{{- range $name := list "databaseUrl" "redisUrl" "objectStoreAccessKey" "objectStoreSecretKey" "secretKey" -}}
{{- if not (index $.Values.secretKeys $name) -}}
{{- fail (printf "secretKeys.%s is empty: several pods share stores, so none of them may be left out." $name) -}}
{{- end -}}
{{- end -}}
{{- if not .objectStore.endpoint -}}
{{- fail "objectStore.endpoint is empty: pods would keep files on their own disks and lose them." -}}
{{- end -}}
{{- if not .milvus.host -}}
{{- fail "milvus.host is empty: every pod would have an index of its own and answer differently." -}}
{{- end -}}
{{- if and .networkPolicy.enabled (not .networkPolicy.stores) -}}
{{- fail "networkPolicy.stores is empty: no pod could reach its stores. List egress rules that lead there, or set networkPolicy.enabled=false." -}}
{{- end -}}
{{- with .horizontalPodAutoscaler -}}
{{- if and .enabled (gt (int .minReplicas) (int .maxReplicas)) -}}
{{- fail "horizontalPodAutoscaler.minReplicas is greater than maxReplicas." -}}
{{- end -}}
{{- end -}}
{{- if and .httpRoute.enabled (not .httpRoute.parentRefs) -}}
{{- fail "httpRoute.parentRefs is empty: name the Gateway that the route belongs to." -}}
{{- end -}}
{{- if and .httpRoute.enabled (not ($.Capabilities.APIVersions.Has "gateway.networking.k8s.io/v1")) -}}
{{- fail "httpRoute.enabled needs the Gateway API (gateway.networking.k8s.io/v1) in the cluster." -}}
{{- end -}}
{{- if and .ingress.enabled (not .ingress.hosts) -}}
{{- fail "ingress.hosts is empty: name the hosts that lead here." -}}
{{- end -}}
{{- if and .serviceMonitor.enabled (not .metrics.enabled) -}}
{{- fail "serviceMonitor.enabled needs metrics.enabled." -}}
{{- end -}}
{{- if and .serviceMonitor.enabled (not ($.Capabilities.APIVersions.Has "monitoring.coreos.com/v1")) -}}
{{- fail "serviceMonitor.enabled needs the Prometheus operator (monitoring.coreos.com/v1) in the cluster." -}}
{{- end -}}
{{- end -}}
{{- end -}}
