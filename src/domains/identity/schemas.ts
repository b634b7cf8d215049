import { type Static, Type } from 'typebox';
import { SCOPES } from './role.ts';

const strict = { additionalProperties: false };
const Name = Type.String({ minLength: 1, maxLength: 200 });
const Id = Type.String({ minLength: 1, maxLength: 128 });
const MAX_UNIX_SECONDS = 4_102_444_800;
const OVERLAP_MAX_SECONDS = 30 * 86_400;

export const PageQuery = Type.Object(
  { after: Type.Optional(Id), limit: Type.Integer({ minimum: 1, maximum: 100, default: 20 }) },
  strict,
);
export type PageQuery = Static<typeof PageQuery>;

export const KeysQuery = Type.Object(
  { ...PageQuery.properties, project_id: Type.Optional(Id) },
  strict,
);
export type KeysQuery = Static<typeof KeysQuery>;

export const CreateProjectBody = Type.Object({ name: Name }, strict);
export type CreateProjectBody = Static<typeof CreateProjectBody>;

const Scopes = Type.Array(Type.Enum([...SCOPES]), { minItems: 1, uniqueItems: true });
const Models = Type.Union(
  [
    Type.Array(Type.String({ minLength: 1, maxLength: 256 }), {
      minItems: 1,
      maxItems: 1_000,
      uniqueItems: true,
    }),
    Type.Null(),
  ],
  { description: 'The only models that the key may name; null or absent: every one.' },
);
const AllowedAddresses = Type.Union(
  [
    Type.Array(Type.String({ minLength: 1, maxLength: 64 }), {
      minItems: 1,
      maxItems: 100,
      uniqueItems: true,
    }),
    Type.Null(),
  ],
  {
    description:
      'Addresses and networks (CIDR, IPv4 or IPv6) that the key may be used from; null or absent: anywhere.',
  },
);
const ExpiresAt = Type.Union(
  [Type.Integer({ minimum: 1, maximum: MAX_UNIX_SECONDS }), Type.Null()],
  { description: 'Unix time in seconds; null or absent: no end.' },
);

export const CreateKeyBody = Type.Object(
  {
    name: Name,
    scopes: Scopes,
    models: Type.Optional(Models),
    allowed_addresses: Type.Optional(AllowedAddresses),
    project_id: Type.Optional(Id),
    expires_at: Type.Optional(ExpiresAt),
  },
  strict,
);
export type CreateKeyBody = Static<typeof CreateKeyBody>;

/** What is absent stays as it is. */
export const KeyPatch = Type.Object(
  {
    name: Type.Optional(Name),
    scopes: Type.Optional(Scopes),
    models: Type.Optional(Models),
    allowed_addresses: Type.Optional(AllowedAddresses),
    expires_at: Type.Optional(ExpiresAt),
  },
  strict,
);
export type KeyPatch = Static<typeof KeyPatch>;

export const RotateKeyBody = Type.Object(
  {
    overlap_seconds: Type.Optional(
      Type.Integer({
        minimum: 0,
        maximum: OVERLAP_MAX_SECONDS,
        description: 'How long the old key stays valid; 86400 by default.',
      }),
    ),
  },
  strict,
);
export type RotateKeyBody = Static<typeof RotateKeyBody>;

export const SetupBody = Type.Object(
  {
    token: Type.String({ minLength: 1, maxLength: 128 }),
    email: Type.String({ minLength: 3, maxLength: 254 }),
    name: Name,
    password: Type.String({ minLength: 12, maxLength: 128 }),
  },
  strict,
);
export type SetupBody = Static<typeof SetupBody>;

export const ProjectParams = Type.Object({ project_id: Id });
export type ProjectParams = Static<typeof ProjectParams>;
export const KeyParams = Type.Object({ key_id: Id });
export type KeyParams = Static<typeof KeyParams>;
