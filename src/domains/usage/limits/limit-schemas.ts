import { type Static, Type } from 'typebox';
import { LIMIT_KINDS, LIMIT_PERIODS, LIMIT_SCOPES } from './limit.ts';

const strict = { additionalProperties: false };
const AMOUNT_MAX = 1_000_000_000_000_000;
const Id = Type.String({ minLength: 1, maxLength: 128 });
const Name = Type.String({ minLength: 1, maxLength: 256 });
const Amount = Type.Integer({
  minimum: 0,
  maximum: AMOUNT_MAX,
  description: 'Requests, tokens, calls at once, or millionths of the currency; 0 allows nothing.',
});

export const LimitBody = Type.Object(
  {
    scope: Type.Enum([...LIMIT_SCOPES]),
    scope_id: Type.String({
      minLength: 1,
      maxLength: 256,
      description: 'Id of the organization, project, API key or user; or the name of a model.',
    }),
    model: Type.Optional(
      Type.Union([Name, Type.Null()], { description: 'Only calls to this model count.' }),
    ),
    kind: Type.Enum([...LIMIT_KINDS]),
    amount: Amount,
    period: Type.Optional(
      Type.Union([Type.Enum([...LIMIT_PERIODS]), Type.Null()], {
        description: '`day`, `month` (both UTC) or `total` for money; `minute` for rates.',
      }),
    ),
  },
  strict,
);
export type LimitBody = Static<typeof LimitBody>;

export const LimitPatch = Type.Object({ amount: Amount }, strict);
export type LimitPatch = Static<typeof LimitPatch>;

export const LimitParams = Type.Object({ limit_id: Id });
export type LimitParams = Static<typeof LimitParams>;

export const LimitsQuery = Type.Object(
  {
    scope: Type.Optional(Type.Enum([...LIMIT_SCOPES])),
    scope_id: Type.Optional(Name),
    after: Type.Optional(Id),
    limit: Type.Integer({ minimum: 1, maximum: 100, default: 20 }),
  },
  strict,
);
export type LimitsQuery = Static<typeof LimitsQuery>;
