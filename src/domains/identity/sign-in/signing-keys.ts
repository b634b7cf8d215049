import {
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  type KeyObject,
} from 'node:crypto';
import type { SealedColumn } from '../../../lib/sealed-column.ts';
import type { SecretBox } from '../../../lib/secret-box.ts';
import { ACCESS_TOKEN_LIFE_SECONDS, CLOCK_SKEW_SECONDS, type TokenSigner } from './access-token.ts';
import type { SigningKeyRow } from './signing-key-repository.ts';

export const SEALED_SIGNING_KEYS: SealedColumn = {
  table: 'signing_keys',
  key: 'id',
  column: 'sealed_private_key',
  boundTo,
};

/** A key stands in the JWKS this long before it signs, so that every verifier has it by then. */
export const PUBLISH_AHEAD_MS = 15 * 60_000;
export const KEY_LIFE_MS = 90 * 86_400_000;
const KEPT_AFTER_MS = (ACCESS_TOKEN_LIFE_SECONDS + 2 * CLOCK_SKEW_SECONDS) * 1000;

/** The next key: the first one signs at once, a later one after it has been published for a while. */
export function createSigningKey(
  from: { generation: number; id: string; now: Date },
  box: SecretBox,
): SigningKeyRow {
  const { generation, id, now } = from;
  const { publicKey, privateKey } = generateKeyPairSync('ed25519');
  const pem = privateKey.export({ format: 'pem', type: 'pkcs8' }).toString();
  const aheadMs = generation === 1 ? 0 : PUBLISH_AHEAD_MS;
  return {
    generation,
    id,
    public_key: publicKey.export({ format: 'pem', type: 'spki' }).toString(),
    sealed_private_key: box.seal(pem, boundTo(id)),
    created_at: now,
    active_from: new Date(now.getTime() + aheadMs),
  };
}

/** True when no key exists, or the newest one has signed long enough. */
export function isRotationDue(keys: readonly SigningKeyRow[], now: Date): boolean {
  const [newest] = keys;
  return newest === undefined || newest.active_from.getTime() + KEY_LIFE_MS <= now.getTime();
}

/** The keys, newest first, whose tokens may be in force: all but those replaced longer ago than a token lives. */
export function publishedKeys(keys: readonly SigningKeyRow[], now: Date): SigningKeyRow[] {
  return keys.filter((_key, index) => {
    const successor = keys[index - 1];
    return (
      successor === undefined || now.getTime() < successor.active_from.getTime() + KEPT_AFTER_MS
    );
  });
}

/** The newest key that has been published long enough. */
export function signerOf(
  keys: readonly SigningKeyRow[],
  now: Date,
  box: SecretBox,
): TokenSigner | undefined {
  const row = keys.find((key) => key.active_from <= now);
  if (row === undefined) return undefined;
  const privateKey = createPrivateKey(box.open(row.sealed_private_key, boundTo(row.id)));
  return { keyId: row.id, privateKey };
}

export const publicKeyOf = (row: SigningKeyRow): KeyObject => createPublicKey(row.public_key);

/** A key as RFC 8037 writes it. */
export function jwkOf(row: SigningKeyRow) {
  const { x } = publicKeyOf(row).export({ format: 'jwk' });
  return { kty: 'OKP', crv: 'Ed25519', use: 'sig', alg: 'EdDSA', kid: row.id, x };
}

function boundTo(id: string): string {
  return `signing_keys/${id}`;
}
