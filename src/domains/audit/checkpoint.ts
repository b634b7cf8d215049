import {
  createHash,
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  sign,
  verify,
} from 'node:crypto';
import { type Static, Type } from 'typebox';
import { Check } from 'typebox/value';
import type { SealedColumn } from '../../lib/sealed-column.ts';
import type { SecretBox } from '../../lib/secret-box.ts';
import { canonicalJson } from './canonical-json.ts';

/** Where the chain stood at a time, said by somebody outside the database. */
export const CheckpointForm = Type.Object({
  version: Type.Literal(1),
  seq: Type.Integer({ minimum: 1 }),
  hash: Type.String({ pattern: '^[0-9a-f]{64}$' }),
  time: Type.String({ maxLength: 40 }),
  key_id: Type.Union([Type.String({ maxLength: 64 }), Type.Null()]),
  /** PEM; null without a master key, as is the signature. */
  public_key: Type.Union([Type.String({ maxLength: 1_000 }), Type.Null()]),
  signature: Type.Union([Type.String({ maxLength: 200 }), Type.Null()]),
});
export type Checkpoint = Static<typeof CheckpointForm>;

export interface AuditKeyRow {
  readonly id: string;
  readonly public_key: string;
  readonly sealed_private_key: string;
  readonly created_at: Date;
}

export const SEALED_AUDIT_KEYS: SealedColumn = {
  table: 'audit_keys',
  key: 'id',
  column: 'sealed_private_key',
  boundTo,
};

/** A new key pair; its private half is readable with the master key alone. */
export function createAuditKey(id: string, now: Date, box: SecretBox): AuditKeyRow {
  const { publicKey, privateKey } = generateKeyPairSync('ed25519');
  const pem = privateKey.export({ format: 'pem', type: 'pkcs8' }).toString();
  return {
    id,
    public_key: publicKey.export({ format: 'pem', type: 'spki' }).toString(),
    sealed_private_key: box.seal(pem, boundTo(id)),
    created_at: now,
  };
}

/** Signed when there is a key. */
export function makeCheckpoint(
  state: { seq: number; hash: Uint8Array; time: Date },
  signer: { key: AuditKeyRow; box: SecretBox } | undefined,
): Checkpoint {
  const unsigned = {
    version: 1 as const,
    seq: state.seq,
    hash: Buffer.from(state.hash).toString('hex'),
    time: state.time.toISOString(),
    key_id: signer?.key.id ?? null,
    public_key: signer?.key.public_key ?? null,
  };
  if (signer === undefined) return { ...unsigned, signature: null };
  const pem = signer.box.open(signer.key.sealed_private_key, boundTo(signer.key.id));
  const signature = sign(null, signedBytes(unsigned), createPrivateKey(pem));
  return { ...unsigned, signature: signature.toString('base64url') };
}

/** Whether the checkpoint says what its key signed; `unsigned` says nothing about who wrote it. */
export function checkpointState(checkpoint: Checkpoint): 'signed' | 'unsigned' | 'altered' {
  const { signature, ...unsigned } = checkpoint;
  if (signature === null || unsigned.public_key === null) return 'unsigned';
  const bytes = Buffer.from(signature, 'base64url');
  const key = createPublicKey(unsigned.public_key);
  return verify(null, signedBytes(unsigned), key, bytes) ? 'signed' : 'altered';
}

/** From the text of a blob or a file; undefined when it is no checkpoint. */
export function parseCheckpoint(text: string): Checkpoint | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return Check(CheckpointForm, value) ? value : undefined;
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}

/** Short name of a public key, for people who compare it with what they wrote down. */
export function keyFingerprint(publicKey: string): string {
  return createHash('sha256').update(publicKey).digest('hex').slice(0, 16);
}

const signedBytes = (unsigned: object) =>
  Buffer.from(`llamp audit checkpoint\n${canonicalJson(unsigned)}`, 'utf8');

function boundTo(id: string): string {
  return `audit_keys/${id}`;
}
