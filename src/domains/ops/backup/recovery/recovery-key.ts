import {
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  type KeyObject,
} from 'node:crypto';
import { decodeBech32, encodeBech32 } from './bech32.ts';

const RECIPIENT_PREFIX = 'age';
const IDENTITY_PREFIX = 'age-secret-key-';
export const X25519_BYTES = 32;
// What PKCS 8 and SPKI put in front of the 32 bytes of a raw X25519 key.
const PKCS8_HEAD = Buffer.from('302e020100300506032b656e04220420', 'hex');
const SPKI_HEAD = Buffer.from('302a300506032b656e032100', 'hex');

/** A pair of keys in the texts of `age`: whoever holds the identity can restore, the recipient can only back up. */
export interface RecoveryKeyPair {
  /** `AGE-SECRET-KEY-1…` */
  readonly identity: string;
  /** `age1…` */
  readonly recipient: string;
}

export function generateRecoveryKey(): RecoveryKeyPair {
  const { privateKey } = generateKeyPairSync('x25519');
  const identity = encodeBech32(IDENTITY_PREFIX, rawPrivateKey(privateKey)).toUpperCase();
  return { identity, recipient: recipientOf(privateKey) };
}

/** The private key of an identity; undefined when the text is none. */
export function parseIdentity(text: string): KeyObject | undefined {
  const bytes = decodeBech32(IDENTITY_PREFIX, text.trim());
  return bytes?.length === X25519_BYTES ? privateKeyFrom(bytes) : undefined;
}

/** The identities of a file as `age-keygen` and `llamp backup keygen` write it. */
export function parseIdentityFile(text: string): KeyObject[] {
  return text.split('\n').flatMap((line) => parseIdentity(line) ?? []);
}

/** The public key of a recipient; undefined when the text is none. */
export function parseRecipient(text: string): KeyObject | undefined {
  const bytes = decodeBech32(RECIPIENT_PREFIX, text.trim());
  return bytes?.length === X25519_BYTES ? publicKeyFrom(bytes) : undefined;
}

export function recipientOf(identity: KeyObject): string {
  return encodeBech32(RECIPIENT_PREFIX, rawPublicKey(createPublicKey(identity)));
}

export function publicKeyFrom(bytes: Uint8Array): KeyObject {
  return createPublicKey({ key: Buffer.concat([SPKI_HEAD, bytes]), format: 'der', type: 'spki' });
}

export function rawPublicKey(key: KeyObject): Buffer {
  return key.export({ format: 'der', type: 'spki' }).subarray(SPKI_HEAD.length);
}

function privateKeyFrom(bytes: Uint8Array): KeyObject {
  const key = Buffer.concat([PKCS8_HEAD, bytes]);
  return createPrivateKey({ key, format: 'der', type: 'pkcs8' });
}

function rawPrivateKey(key: KeyObject): Buffer {
  return key.export({ format: 'der', type: 'pkcs8' }).subarray(PKCS8_HEAD.length);
}
