import { AppError, type ErrorDefinition } from '../../lib/app-error.ts';

export const MODELS_ERRORS = {
  model_not_found: {
    status: 404,
    description:
      'No model of this name is served. `GET /v1/models` lists the names; a new upstream model appears within a minute.',
  },
  models_unavailable: {
    status: 503,
    description:
      'The upstream could not be asked for its models yet, so it is not known whether the name exists. The message gives the reason; check OPENAI_API_BASE, OPENAI_API_KEY and the network.',
  },
} as const satisfies Record<string, ErrorDefinition>;

export function modelNotFound(model: string): AppError {
  return new AppError({
    code: 'model_not_found',
    status: MODELS_ERRORS.model_not_found.status,
    message: `The model \`${model}\` does not exist or you do not have access to it.`,
    param: 'model',
  });
}

export function modelsUnavailable(reason: string): AppError {
  return new AppError({
    code: 'models_unavailable',
    status: MODELS_ERRORS.models_unavailable.status,
    message: `The models of the upstream are not known yet: ${reason}. Try again in a few seconds.`,
    retryable: true,
    retryAfterMs: 5_000,
  });
}
