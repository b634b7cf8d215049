export { requireAllowedModel } from './allowed-models.ts';
export {
  BUILTIN_CHAT_MODEL,
  BUILTIN_DEPLOYMENT,
  BUILTIN_EMBEDDING_DIMENSIONS,
  BUILTIN_EMBEDDING_MODEL,
  BUILTIN_OWNER,
} from './builtin-models.ts';
export { MODELS_ERRORS } from './errors.ts';
export {
  type CatalogueStatus,
  ModelCatalogue,
  type ModelCatalogueOptions,
  openModelCatalogue,
} from './model-catalogue.ts';
export {
  type Deployment,
  type Endpoint,
  ENDPOINTS,
  type Model,
  plainRouting,
  type ProviderName,
  ROUTING_STRATEGIES,
  type RoutingStrategy,
  type UpstreamEndpoint,
} from './model.ts';
export { type FileMistake, ModelsFileError, mistakeText } from './definitions/file-mistakes.ts';
export { loadModelsFile } from './definitions/load-models-file.ts';
export type { ModelsFileSource } from './definitions/models-file.ts';
export { type Models, type ModelsOptions, openModels } from './open-models.ts';
export { modelRoutes } from './routes.ts';
export { SEALED_CREDENTIALS } from './management/sealed-credential.ts';
