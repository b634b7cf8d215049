import { AppError, type ErrorDefinition } from '../../lib/app-error.ts';
import type { Fault } from './definitions/provider-kinds.ts';

export const MODELS_ERRORS = {
  model_not_found: {
    status: 404,
    description:
      'No model of this name is served. `GET /v1/models` lists the names; a new upstream model appears within a minute. In the management API: the organization has no model with this id.',
  },
  models_unavailable: {
    status: 503,
    description:
      'The upstream could not be asked for its models yet, so it is not known whether the name exists. The message gives the reason; check OPENAI_API_BASE, OPENAI_API_KEY and the network.',
  },
  model_unusable: {
    status: 503,
    description:
      'The model is configured but none of its deployments can be called; the message gives the reason: switched off, or a credential that the key of this installation does not open.',
  },
  provider_not_found: {
    status: 404,
    description:
      'The organization has no provider with this id. `GET /api/v1/providers` lists them.',
  },
  deployment_not_found: {
    status: 404,
    description:
      'The organization has no deployment with this id. `GET /api/v1/deployments` lists them.',
  },
  invalid_list_position: {
    status: 400,
    description: 'The cursor `after` names no entry of the list. Start again without a cursor.',
  },
  invalid_provider: {
    status: 400,
    description:
      'A field of the provider does not fit its kind: an address with a user or query, a credential of another kind, a region where there is none.',
  },
  address_not_allowed: {
    status: 400,
    description:
      'The address is a private, local or reserved one, or its name leads to one. The operator allows such places with LLAMP_OUTBOUND_ALLOW, for example `127.0.0.1:11434`, or configures them in OPENAI_API_BASE or LLAMP_CONFIG_FILE.',
  },
  invalid_model: {
    status: 400,
    description:
      'The model names a deployment twice, itself as its fallback, or takes the name of a built-in model.',
  },
  unknown_reference: {
    status: 400,
    description: 'The field names a provider or deployment that the organization does not have.',
  },
  credential_required: {
    status: 400,
    description:
      'A provider moves to another host, so its credential has to be sent again: a stored one is only ever sent to the host for which it was given.',
  },
  name_taken: {
    status: 409,
    description: 'Another entry of the organization has this name already.',
  },
  provider_in_use: {
    status: 409,
    description: 'Deployments use the provider; the message names them. Delete these first.',
  },
  deployment_in_use: {
    status: 409,
    description: 'Models use the deployment; the message names them. Change these first.',
  },
  configured_by_file: {
    status: 409,
    description:
      'The configuration file (LLAMP_CONFIG_FILE) defines this name; change it there and send SIGHUP.',
  },
  secret_key_missing: {
    status: 503,
    description:
      'Credentials are stored sealed, and this installation has no key for it: set LLAMP_SECRET_KEY on every instance (`openssl rand -base64 32`) and start them again.',
  },
  credential_unreadable: {
    status: 503,
    description:
      'The stored credential cannot be opened: LLAMP_SECRET_KEY is missing or is not the key with which it was stored. Set the right key, or enter the credential again.',
  },
} as const satisfies Record<string, ErrorDefinition>;

export type ModelsErrorCode = keyof typeof MODELS_ERRORS;

function modelsError(
  code: ModelsErrorCode,
  message: string,
  details: { param?: string; retryAfterMs?: number; cause?: unknown } = {},
): AppError {
  const retryable = details.retryAfterMs !== undefined;
  return new AppError({ code, status: MODELS_ERRORS[code].status, message, retryable, ...details });
}

export const modelNotFound = (model: string) =>
  modelsError(
    'model_not_found',
    `The model \`${model}\` does not exist or you do not have access to it.`,
    { param: 'model' },
  );

export const modelsUnavailable = (reason: string) =>
  modelsError(
    'models_unavailable',
    `The models of the upstream are not known yet: ${reason}. Try again in a few seconds.`,
    { retryAfterMs: 5_000 },
  );

export const modelUnusable = (model: string, reason: string) =>
  modelsError('model_unusable', `The model \`${model}\` cannot be called now: ${reason}.`);

/** Missing and foreign are one answer, so that ids of others cannot be probed. */
export const providerNotFound = (id: string) =>
  modelsError('provider_not_found', `No provider with id '${id}'.`, { param: 'provider_id' });

export const deploymentNotFound = (id: string) =>
  modelsError('deployment_not_found', `No deployment with id '${id}'.`, { param: 'deployment_id' });

export const configuredModelNotFound = (id: string) =>
  modelsError('model_not_found', `No configured model with id '${id}'.`, { param: 'model_id' });

export const invalidListPosition = (id: string) =>
  modelsError('invalid_list_position', `The list has no entry '${id}'.`, { param: 'after' });

export const invalidProvider = ({ field, message }: Fault) =>
  modelsError('invalid_provider', `'${field}' ${message}.`, { param: field });

export const addressNotAllowed = (place: string) =>
  modelsError(
    'address_not_allowed',
    `'base_url' leads to a private, local or reserved address. The operator can allow it with LLAMP_OUTBOUND_ALLOW=${place}.`,
    { param: 'base_url' },
  );

export const invalidModel = ({ field, message }: Fault) =>
  modelsError('invalid_model', `'${field}' ${message}.`, { param: field });

export const unknownReference = (param: string, noun: string, name: string) =>
  modelsError('unknown_reference', `There is no ${noun} '${name}'.`, { param });

export const credentialRequired = () =>
  modelsError(
    'credential_required',
    'The provider moves to another host; send its credential again, or null to remove it.',
    { param: 'credential' },
  );

export const nameTaken = (name: string) =>
  modelsError('name_taken', `The name '${name}' is taken.`, { param: 'name' });

export const providerInUse = (users: string) =>
  modelsError('provider_in_use', `The provider is used by: ${users}.`, { param: 'provider_id' });

export const deploymentInUse = (users: string) =>
  modelsError('deployment_in_use', `The deployment is used by: ${users}.`, {
    param: 'deployment_id',
  });

export const configuredByFile = (name: string, param: string) =>
  modelsError('configured_by_file', `The configuration file defines '${name}'; change it there.`, {
    param,
  });

export const secretKeyMissing = () =>
  modelsError(
    'secret_key_missing',
    'Credentials cannot be stored: LLAMP_SECRET_KEY is not set. Set it on every instance.',
  );

export const credentialUnreadable = (reason: string) =>
  modelsError('credential_unreadable', `${sentence(reason)}.`);

const sentence = (text: string) => text.slice(0, 1).toUpperCase() + text.slice(1);
