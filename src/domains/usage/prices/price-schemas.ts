import { type Static, Type } from 'typebox';
import { PRICE_MICROS_MAX } from './price.ts';

const strict = { additionalProperties: false };
export const PRICES_MAX = 5_000;

const Micros = Type.Integer({ minimum: 0, maximum: PRICE_MICROS_MAX });
const OptionalMicros = Type.Optional(Type.Union([Micros, Type.Null()]));

export const PriceBody = Type.Object(
  {
    model: Type.String({
      minLength: 1,
      maxLength: 256,
      description: 'A model, or the beginning of names followed by `*`.',
    }),
    input: Type.Integer({
      minimum: 0,
      maximum: PRICE_MICROS_MAX,
      description: 'Millionths of the currency for a million prompt tokens; likewise the others.',
    }),
    output: Micros,
    cached_input: OptionalMicros,
    cache_write: OptionalMicros,
    reasoning: OptionalMicros,
    audio_input: OptionalMicros,
    audio_output: OptionalMicros,
    request: Type.Optional(
      Type.Integer({
        minimum: 0,
        maximum: PRICE_MICROS_MAX,
        description: 'Millionths of the currency for each call.',
      }),
    ),
  },
  strict,
);
export type PriceBody = Static<typeof PriceBody>;

export const PricesBody = Type.Object(
  {
    note: Type.Optional(Type.String({ minLength: 1, maxLength: 500 })),
    prices: Type.Array(PriceBody, { maxItems: PRICES_MAX }),
  },
  strict,
);
export type PricesBody = Static<typeof PricesBody>;

const Id = Type.String({ minLength: 1, maxLength: 128 });
export const VersionParams = Type.Object({ version_id: Id });
export type VersionParams = Static<typeof VersionParams>;

export const VersionsQuery = Type.Object(
  { after: Type.Optional(Id), limit: Type.Integer({ minimum: 1, maximum: 100, default: 20 }) },
  strict,
);
export type VersionsQuery = Static<typeof VersionsQuery>;
