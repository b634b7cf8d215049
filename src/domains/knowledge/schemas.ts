import { type Static, type TSchema, Type } from 'typebox';
import type { Attributes } from './attributes.ts';
import { FILE_STATUSES } from './store-files/store-file-record.ts';

const FILES_PER_STORE_CREATE_MAX = 500;
const FILES_PER_BATCH_MAX = 2_000;
const QUERIES_MAX = 16;
const QUERY_LENGTH_MAX = 32_768;

// One schema with several types, unlike a union, gives one error that names them all.
const Nullable = <Schema extends TSchema>(schema: Schema) =>
  Type.Unsafe<Static<Schema> | null>({
    ...schema,
    type: ['type' in schema ? schema.type : 'object', 'null'],
  });
const OneOf = <const Value extends string>(values: readonly Value[], options: object = {}) =>
  Type.Unsafe<Value>({ type: 'string', enum: values, ...options });

const Id = Type.String({ minLength: 1, maxLength: 128 });
const Name = Type.String({ maxLength: 256 });
const Metadata = Type.Record(Type.String(), Type.String());
const AttributeMap = Type.Unsafe<Attributes>({
  type: 'object',
  additionalProperties: { type: ['string', 'number', 'boolean'] },
});
const ExpiresAfter = Type.Object({
  anchor: OneOf(['last_active_at']),
  days: Type.Integer({ minimum: 1, maximum: 365 }),
});
const ChunkingStrategy = Type.Object({
  type: OneOf(['auto', 'static']),
  static: Type.Optional(
    Type.Object({
      max_chunk_size_tokens: Type.Integer({ minimum: 100, maximum: 4096 }),
      chunk_overlap_tokens: Type.Integer({ minimum: 0, maximum: 2048 }),
    }),
  ),
});

export const StoreParams = Type.Object({ store_id: Id });
export const FileParams = Type.Object({ file_id: Id });
export const StoreFileParams = Type.Object({ store_id: Id, file_id: Id });
export const BatchParams = Type.Object({ store_id: Id, batch_id: Id });

export const CreateStoreBody = Type.Object({
  name: Type.Optional(Nullable(Name)),
  description: Type.Optional(Nullable(Type.String({ maxLength: 512 }))),
  metadata: Type.Optional(Nullable(Metadata)),
  expires_after: Type.Optional(Nullable(ExpiresAfter)),
  file_ids: Type.Optional(Type.Array(Id, { maxItems: FILES_PER_STORE_CREATE_MAX })),
  chunking_strategy: Type.Optional(ChunkingStrategy),
  embedding_model: Type.Optional(Type.String({ minLength: 1, maxLength: 256 })),
});
export const UpdateStoreBody = Type.Object({
  name: Type.Optional(Nullable(Name)),
  metadata: Type.Optional(Nullable(Metadata)),
  expires_after: Type.Optional(Nullable(ExpiresAfter)),
});

export const AttachBody = Type.Object({
  file_id: Id,
  attributes: Type.Optional(Nullable(AttributeMap)),
  chunking_strategy: Type.Optional(ChunkingStrategy),
});
export const UpdateStoreFileBody = Type.Object({ attributes: Nullable(AttributeMap) });

export const CreateBatchBody = Type.Object({
  file_ids: Type.Optional(Type.Array(Id, { minItems: 1, maxItems: FILES_PER_BATCH_MAX })),
  files: Type.Optional(Type.Array(AttachBody, { minItems: 1, maxItems: FILES_PER_BATCH_MAX })),
  attributes: Type.Optional(Nullable(AttributeMap)),
  chunking_strategy: Type.Optional(ChunkingStrategy),
});

export const SearchStoreBody = Type.Object({
  query: Type.Unsafe<string | string[]>({
    type: ['string', 'array'],
    maxLength: QUERY_LENGTH_MAX,
    minItems: 1,
    maxItems: QUERIES_MAX,
    items: { type: 'string', maxLength: QUERY_LENGTH_MAX },
  }),
  // Checked by the service, which names the path inside a nested filter.
  filters: Type.Optional(Type.Unknown()),
  max_num_results: Type.Optional(Type.Integer({ minimum: 1, maximum: 50 })),
  rewrite_query: Type.Optional(Type.Boolean()),
  ranking_options: Type.Optional(
    Type.Object({
      ranker: Type.Optional(OneOf(['none', 'auto', 'default-2024-11-15'])),
      score_threshold: Type.Optional(Type.Number({ minimum: 0, maximum: 1 })),
      hybrid_search: Type.Optional(
        Type.Object({
          embedding_weight: Type.Number({ minimum: 0, maximum: 1_000_000 }),
          text_weight: Type.Number({ minimum: 0, maximum: 1_000_000 }),
        }),
      ),
    }),
  ),
});

const cursors = { after: Type.Optional(Id), before: Type.Optional(Id) };
const order = OneOf(['asc', 'desc'], { default: 'desc' });
const limit = Type.Integer({ minimum: 1, maximum: 100, default: 20 });

export const ListQuery = Type.Object({ limit, order, ...cursors });
export const ListStoreFilesQuery = Type.Object({
  limit,
  order,
  ...cursors,
  filter: Type.Optional(OneOf(FILE_STATUSES)),
});
export const ListFilesQuery = Type.Object({
  limit: Type.Integer({ minimum: 1, maximum: 10_000, default: 10_000 }),
  order,
  after: cursors.after,
  purpose: Type.Optional(Type.String({ minLength: 1, maxLength: 64 })),
});
