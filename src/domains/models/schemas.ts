import { type Static, type TSchema, Type } from 'typebox';
import { ENDPOINTS, PROVIDERS, ROUTING_STRATEGIES } from './model.ts';

const strict = { additionalProperties: false };

export const MODEL_NAME_MAX = 256;
export const MEMBERS_MAX = 64;
export const FALLBACKS_MAX = 16;

/** Kinds that an operator can configure; the built-in one needs nothing. */
export const CONFIGURABLE_KINDS = PROVIDERS.filter((kind) => kind !== 'builtin');
export type ConfigurableKind = (typeof CONFIGURABLE_KINDS)[number];

const nullable = <S extends TSchema>(schema: S) => Type.Union([schema, Type.Null()]);
const Id = Type.String({ minLength: 1, maxLength: 128 });

// It stands in response headers and metrics.
const Name = Type.String({
  pattern: '^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$',
  description: '1 to 64 letters, digits, dots, dashes and underscores.',
});
const ModelName = Type.String({
  minLength: 1,
  maxLength: MODEL_NAME_MAX,
  pattern: '^[^\\p{Cc}\\p{Cs}\\s]+$',
  description: 'What clients send as `model`; no spaces.',
});
// It travels in a header.
const Secret = Type.String({ minLength: 1, maxLength: 4096, pattern: '^[\\x21-\\x7e]+$' });
const Region = Type.String({ pattern: '^[a-z0-9][a-z0-9-]{1,62}$' });

export const CredentialBody = Type.Object(
  {
    api_key: Type.Optional(Secret),
    access_key_id: Type.Optional(Secret),
    secret_access_key: Type.Optional(Secret),
    session_token: Type.Optional(Secret),
  },
  { ...strict, description: 'Never shown again. The last three are for `bedrock` alone.' },
);
/** The form in which it is sealed, too: changing a name would make stored ones unreadable. */
export type CredentialBody = Static<typeof CredentialBody>;

const providerFields = {
  name: Name,
  base_url: Type.Optional(
    nullable(
      Type.String({
        minLength: 1,
        maxLength: 2048,
        description: 'With the version segment; null or absent: the public API of the kind.',
      }),
    ),
  ),
  api_version: Type.Optional(
    nullable(Type.String({ pattern: '^[A-Za-z0-9.-]{1,64}$', description: '`azure` alone.' })),
  ),
  region: Type.Optional(nullable(Region)),
  credential: Type.Optional(nullable(CredentialBody)),
};
export const ProviderBody = Type.Object(
  {
    ...providerFields,
    kind: Type.Enum([...CONFIGURABLE_KINDS]),
    enabled: Type.Boolean({ default: true }),
  },
  strict,
);
export type ProviderBody = Static<typeof ProviderBody>;
export const ProviderPatch = Type.Object(
  { ...providerFields, name: Type.Optional(Name), enabled: Type.Optional(Type.Boolean()) },
  strict,
);
export type ProviderPatch = Static<typeof ProviderPatch>;

const deploymentFields = {
  name: Name,
  provider: Type.String({
    minLength: 1,
    maxLength: 128,
    description: 'Name or id of its provider.',
  }),
  upstream_model: Type.String({
    minLength: 1,
    maxLength: MODEL_NAME_MAX,
    pattern: '^[^\\p{Cc}\\p{Cs}]+$',
    description: 'What the upstream calls the model.',
  }),
};
const Serves = Type.Optional(
  nullable(
    Type.Array(Type.Enum([...ENDPOINTS]), {
      minItems: 1,
      maxItems: ENDPOINTS.length,
      uniqueItems: true,
      description: 'Null or absent: what its kind of provider serves.',
    }),
  ),
);
export const DeploymentBody = Type.Object(
  { ...deploymentFields, serves: Serves, enabled: Type.Boolean({ default: true }) },
  strict,
);
export type DeploymentBody = Static<typeof DeploymentBody>;
export const DeploymentPatch = Type.Object(
  {
    name: Type.Optional(Name),
    upstream_model: Type.Optional(deploymentFields.upstream_model),
    serves: Serves,
    enabled: Type.Optional(Type.Boolean()),
  },
  strict,
);
export type DeploymentPatch = Static<typeof DeploymentPatch>;

export const MemberBody = Type.Object(
  {
    deployment: Type.String({
      minLength: 1,
      maxLength: 128,
      description: 'Name or id of a deployment.',
    }),
    weight: Type.Integer({ minimum: 0, maximum: 1000, default: 1 }),
    tier: Type.Integer({ minimum: 0, maximum: 100, default: 0 }),
  },
  strict,
);
export type MemberBody = Static<typeof MemberBody>;

const Members = Type.Array(MemberBody, { minItems: 1, maxItems: MEMBERS_MAX });
const Strategy = Type.Enum([...ROUTING_STRATEGIES]);
const Fallbacks = Type.Array(ModelName, { maxItems: FALLBACKS_MAX, uniqueItems: true });
export const ModelBody = Type.Object(
  {
    name: ModelName,
    deployments: Members,
    strategy: Type.Enum([...ROUTING_STRATEGIES], { default: 'weighted' }),
    affinity: Type.Boolean({ default: false }),
    fallbacks: Type.Array(ModelName, { maxItems: FALLBACKS_MAX, uniqueItems: true, default: [] }),
    enabled: Type.Boolean({ default: true }),
  },
  strict,
);
export type ModelBody = Static<typeof ModelBody>;
export const ModelPatch = Type.Object(
  {
    name: Type.Optional(ModelName),
    deployments: Type.Optional(Members),
    strategy: Type.Optional(Strategy),
    affinity: Type.Optional(Type.Boolean()),
    fallbacks: Type.Optional(Fallbacks),
    enabled: Type.Optional(Type.Boolean()),
  },
  strict,
);
export type ModelPatch = Static<typeof ModelPatch>;

export const ListQuery = Type.Object(
  { after: Type.Optional(Id), limit: Type.Integer({ minimum: 1, maximum: 100, default: 20 }) },
  strict,
);
export type ListQuery = Static<typeof ListQuery>;
export const ProviderParams = Type.Object({ provider_id: Id });
export type ProviderParams = Static<typeof ProviderParams>;
export const DeploymentParams = Type.Object({ deployment_id: Id });
export type DeploymentParams = Static<typeof DeploymentParams>;
export const ModelParams = Type.Object({ model_id: Id });
export type ModelParams = Static<typeof ModelParams>;
