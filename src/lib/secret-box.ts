import { createCipheriv, createDecipheriv, hash, randomBytes } from 'node:crypto';

export const MASTER_KEY_BYTES = 32;

const VERSION = 'v1';
const CIPHER = 'aes-256-gcm';
const NONCE_BYTES = 12;
const TAG_BYTES = 16;
const KEY_ID_LENGTH = 11;

export type SecretBoxErrorCode = 'wrong_key' | 'malformed' | 'altered';

/** Why an envelope cannot be opened. The message holds nothing of its contents. */
export class SecretBoxError extends Error {
  readonly code: SecretBoxErrorCode;
  constructor(code: SecretBoxErrorCode, message: string, options?: { cause?: unknown }) {
    super(message, options);
    this.name = 'SecretBoxError';
    this.code = code;
  }
}

/** Seals texts for storage under one master key, and opens those that older ones sealed. */
export interface SecretBox {
  /** Names the master key without telling anything about it; stands in every envelope. */
  readonly keyId: string;
  /** Of the keys that open and do not seal. */
  readonly olderKeyIds: readonly string[];
  /** `boundTo` names the place that the text belongs to: moved to another row, an envelope does not open. */
  seal(text: string, boundTo: string): string;
  /** Throws a `SecretBoxError` when the key is another one, or a single bit has changed. */
  open(envelope: string, boundTo: string): string;
  /**
   * The same text under the key that seals: only its data key is wrapped anew, so nonce and ciphertext stay. An envelope
   * of that key comes back as it is. Throws as `open` does.
   */
  rewrap(envelope: string, boundTo: string): string;
}

/**
 * Envelopes are `v1.<key id>.<wrapped data key>.<nonce>.<ciphertext and tag>` in base64url. Each text has a data key of
 * its own; a new master key has to wrap only these again, and the key id says under which one a row is.
 */
export function createSecretBox(
  masterKey: Uint8Array,
  olderKeys: readonly Uint8Array[] = [],
): SecretBox {
  const all = [masterKey, ...olderKeys];
  if (all.some(({ length }) => length !== MASTER_KEY_BYTES))
    throw new Error('a master key has 32 bytes');
  const keys = new Map(all.map((key) => [masterKeyId(key), key]));
  const keyId = masterKeyId(masterKey);
  const dataKeyOf = (parts: EnvelopeParts, boundTo: string) => {
    const key = keys.get(parts.keyId);
    if (key === undefined) throw wrongKey(parts.keyId, [...keys.keys()]);
    const wrapNonce = parts.wrapped.subarray(0, NONCE_BYTES);
    return decrypt(key, wrapNonce, parts.wrapped.subarray(NONCE_BYTES), boundTo);
  };
  const envelopeOf = (dataKey: Uint8Array, place: string, nonce: Buffer, sealed: Buffer) => {
    const wrapNonce = randomBytes(NONCE_BYTES);
    const wrapped = Buffer.concat([wrapNonce, encrypt(masterKey, wrapNonce, dataKey, place)]);
    const parts = [wrapped, nonce, sealed].map((part) => part.toString('base64url'));
    return [VERSION, keyId, ...parts].join('.');
  };
  return {
    keyId,
    olderKeyIds: [...keys.keys()].filter((id) => id !== keyId),
    seal: (text, boundTo) => {
      const dataKey = randomBytes(MASTER_KEY_BYTES);
      const nonce = randomBytes(NONCE_BYTES);
      const sealed = encrypt(dataKey, nonce, Buffer.from(text, 'utf8'), boundTo);
      return envelopeOf(dataKey, boundTo, nonce, sealed);
    },
    open: (envelope, boundTo) => {
      const parts = partsOf(envelope);
      const dataKey = dataKeyOf(parts, boundTo);
      return decrypt(dataKey, parts.nonce, parts.sealed, boundTo).toString('utf8');
    },
    rewrap: (envelope, boundTo) => {
      const parts = partsOf(envelope);
      const dataKey = dataKeyOf(parts, boundTo);
      // What is altered must not come out as whole under the new key.
      decrypt(dataKey, parts.nonce, parts.sealed, boundTo);
      if (parts.keyId === keyId) return envelope;
      return envelopeOf(dataKey, boundTo, parts.nonce, parts.sealed);
    },
  };
}

/** The id of the key that sealed an envelope; undefined for a text that is none. */
export function sealedBy(envelope: string): string | undefined {
  try {
    return partsOf(envelope).keyId;
  } catch (error) {
    if (error instanceof SecretBoxError) return undefined;
    throw error;
  }
}

/** Several keys, the first of which seals; undefined when one of them is none. */
export function masterKeysFrom(texts: readonly string[]): readonly Uint8Array[] | undefined {
  const keys = texts.map(masterKeyFrom).filter((key) => key !== undefined);
  return keys.length > 0 && keys.length === texts.length ? keys : undefined;
}

/** From the 32 bytes in base64 or hexadecimal digits; undefined when the text is neither. */
export function masterKeyFrom(text: string): Uint8Array | undefined {
  const trimmed = text.trim();
  if (/^[0-9a-f]{64}$/i.test(trimmed)) return Buffer.from(trimmed, 'hex');
  if (!/^[A-Za-z0-9+/_-]{43}=?$/.test(trimmed)) return undefined;
  const bytes = Buffer.from(trimmed, 'base64');
  return bytes.length === MASTER_KEY_BYTES ? bytes : undefined;
}

// Its own prefix, so that the id is the hash of nothing else that is used anywhere.
function masterKeyId(masterKey: Uint8Array): string {
  const named = Buffer.concat([Buffer.from('llamp master key id\0'), masterKey]);
  return hash('sha256', named, 'base64url').slice(0, KEY_ID_LENGTH);
}

function encrypt(key: Uint8Array, nonce: Uint8Array, plain: Uint8Array, boundTo: string): Buffer {
  const cipher = createCipheriv(CIPHER, key, nonce, { authTagLength: TAG_BYTES });
  cipher.setAAD(Buffer.from(boundTo, 'utf8'));
  return Buffer.concat([cipher.update(plain), cipher.final(), cipher.getAuthTag()]);
}

function decrypt(key: Uint8Array, nonce: Uint8Array, sealed: Uint8Array, boundTo: string): Buffer {
  const decipher = createDecipheriv(CIPHER, key, nonce, { authTagLength: TAG_BYTES });
  decipher.setAAD(Buffer.from(boundTo, 'utf8'));
  decipher.setAuthTag(sealed.subarray(sealed.length - TAG_BYTES));
  try {
    const plain = decipher.update(sealed.subarray(0, sealed.length - TAG_BYTES));
    return Buffer.concat([plain, decipher.final()]);
  } catch (cause) {
    throw new SecretBoxError('altered', 'the secret was altered, or belongs to another place', {
      cause,
    });
  }
}

interface EnvelopeParts {
  readonly keyId: string;
  readonly wrapped: Buffer;
  readonly nonce: Buffer;
  readonly sealed: Buffer;
}

function partsOf(envelope: string): EnvelopeParts {
  const [version, keyId = '', ...texts] = envelope.split('.');
  const [wrapped, nonce, sealed] = texts.map((text) => Buffer.from(text, 'base64url'));
  const isWhole =
    version === VERSION &&
    texts.length === 3 &&
    wrapped?.length === NONCE_BYTES + MASTER_KEY_BYTES + TAG_BYTES &&
    nonce?.length === NONCE_BYTES &&
    sealed !== undefined &&
    sealed.length >= TAG_BYTES;
  if (!isWhole)
    throw new SecretBoxError('malformed', 'this is no sealed secret of a known version');
  return { keyId, wrapped, nonce, sealed };
}

function wrongKey(sealedWith: string, present: readonly string[]): SecretBoxError {
  const ours =
    present.length === 1 ? `key of this installation is` : 'keys of this installation are';
  return new SecretBoxError(
    'wrong_key',
    `the secret was sealed with the key ${sealedWith}, and the ${ours} ${present.join(', ')}`,
  );
}
