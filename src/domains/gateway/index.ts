export type { MeterServices } from './call-meter.ts';
export {
  BUILTIN_CHAT_MODEL,
  BUILTIN_EMBEDDING_DIMENSIONS,
  BUILTIN_EMBEDDING_MODEL,
  type EmbeddingService,
  type EmbedRequest,
} from './embedding.ts';
export { GATEWAY_ERRORS } from './errors.ts';
export type { EventStream, SendEventStream } from './event-stream-sender.ts';
export {
  type OpenedGuardrails,
  openGuardrails,
} from './guardrails/open-guardrails.ts';
export { SEALED_GUARDRAIL_SECRETS } from './guardrails/sealed-secret.ts';
export { inferenceEmbeddingService } from './inference-embedding-service.ts';
export { type InferenceCall, InferenceService } from './inference-service.ts';
export { type InferenceOptions, type OpenedInference, openInference } from './open-inference.ts';
export { DEFAULT_TIMEOUTS, type UpstreamTimeouts } from './provider.ts';
export {
  RELAYED_FORM_BYTES_MAX,
  type RelayRouteServices,
  relayRoutes,
} from './relay/relay-routes.ts';
export { type GatewayRouteServices, gatewayRoutes } from './routes.ts';
export type { Admission, AdmissionRequest, LimitEnforcer } from './routing/admission.ts';
export type { CallRouter, DeploymentCost } from './routing/call-router.ts';
export { deploymentHealthRoutes } from './routing/health-routes.ts';
export type { CallCatalogue } from './routing/routed-call.ts';
