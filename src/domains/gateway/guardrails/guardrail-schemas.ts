import { type Static, Type } from 'typebox';
import { PERSONAL_DATA } from './detectors/personal-identifiers.ts';
import {
  GUARDRAIL_ACTIONS,
  GUARDRAIL_KINDS,
  GUARDRAIL_SCOPES,
  GUARDRAIL_STAGES,
} from './guardrail.ts';

const strict = { additionalProperties: false };
const Id = Type.String({ minLength: 1, maxLength: 128 });
const Name = Type.String({ pattern: '^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$' });
const Stages = Type.Array(Type.Enum([...GUARDRAIL_STAGES]), {
  minItems: 1,
  maxItems: 2,
  uniqueItems: true,
});
const Action = Type.Enum([...GUARDRAIL_ACTIONS]);
const Config = {
  words: Type.Optional(
    Type.Array(Type.String({ minLength: 1, maxLength: 100, pattern: '\\S' }), {
      minItems: 1,
      maxItems: 1000,
      description: 'Of `keywords`: any case; words of letters and digits as whole words.',
    }),
  ),
  patterns: Type.Optional(
    Type.Array(Type.String({ minLength: 1, maxLength: 500 }), {
      minItems: 1,
      maxItems: 50,
      description: 'Of `patterns`: regular expressions in the syntax of RE2.',
    }),
  ),
  types: Type.Optional(
    Type.Array(Type.Enum([...PERSONAL_DATA]), {
      minItems: 1,
      uniqueItems: true,
      description: 'Of `personal_data`: what to look for.',
    }),
  ),
  schema: Type.Optional(
    Type.Record(Type.String(), Type.Unknown(), {
      description:
        'Of `json_schema`: what answers have to be. No expressions, formats or references.',
    }),
  ),
  url: Type.Optional(Type.String({ minLength: 1, maxLength: 2048, description: 'Of `webhook`.' })),
  timeout_ms: Type.Optional(
    Type.Integer({ minimum: 100, maximum: 10_000, description: 'Of `webhook`; 3000 by default.' }),
  ),
  on_failure: Type.Optional(
    Type.Enum(['deny', 'allow'], {
      description: 'Of `webhook`: what happens when it does not answer; `deny` by default.',
    }),
  ),
  secret: Type.Optional(
    Type.Union([Type.String({ minLength: 16, maxLength: 256 }), Type.Null()], {
      description: 'Of `webhook`: signs what it is sent. Never shown again.',
    }),
  ),
};

export const GuardrailBody = Type.Object(
  {
    name: Name,
    scope: Type.Enum([...GUARDRAIL_SCOPES], { default: 'organization' }),
    scope_id: Type.Optional(
      Type.String({ minLength: 1, maxLength: 128, description: 'Id of the project or API key.' }),
    ),
    kind: Type.Enum([...GUARDRAIL_KINDS]),
    action: Action,
    stages: Type.Optional(Stages),
    ...Config,
    enabled: Type.Boolean({ default: true }),
  },
  strict,
);
export type GuardrailBody = Static<typeof GuardrailBody>;

export const GuardrailPatch = Type.Object(
  {
    name: Type.Optional(Name),
    action: Type.Optional(Action),
    stages: Type.Optional(Stages),
    ...Config,
    enabled: Type.Optional(Type.Boolean()),
  },
  strict,
);
export type GuardrailPatch = Static<typeof GuardrailPatch>;

export const GuardrailTestBody = Type.Object({ text: Type.String({ maxLength: 100_000 }) }, strict);
export type GuardrailTestBody = Static<typeof GuardrailTestBody>;

export const GuardrailParams = Type.Object({ guardrail_id: Id });
export type GuardrailParams = Static<typeof GuardrailParams>;

export const GuardrailsQuery = Type.Object(
  { after: Type.Optional(Id), limit: Type.Integer({ minimum: 1, maximum: 100, default: 20 }) },
  strict,
);
export type GuardrailsQuery = Static<typeof GuardrailsQuery>;
