import {
  createCipheriv,
  createDecipheriv,
  createHmac,
  createPublicKey,
  diffieHellman,
  generateKeyPairSync,
  hkdfSync,
  type KeyObject,
  randomBytes,
  timingSafeEqual,
} from 'node:crypto';
import { publicKeyFrom, rawPublicKey, X25519_BYTES } from './recovery-key.ts';

/**
 * Small secrets in the age format (age-encryption.org/v1, X25519), so that `age -d` opens them too. One segment of the
 * payload is enough: a key has some hundred bytes.
 */

const VERSION_LINE = 'age-encryption.org/v1\n';
const X25519_INFO = 'age-encryption.org/v1/X25519';
const CIPHER = 'chacha20-poly1305';
const FILE_KEY_BYTES = 16;
const NONCE_BYTES = 16;
const TAG_BYTES = 16;
const PAYLOAD_MAX_BYTES = 64 * 1024;
const ZERO_NONCE = Buffer.alloc(12);
// The first segment, which is also the last one.
const ONLY_SEGMENT_NONCE = Buffer.concat([Buffer.alloc(11), Buffer.from([1])]);

/** Encrypts for whoever holds the identity of the recipient. */
export function encryptForRecipient(plain: Uint8Array, recipient: KeyObject): Buffer {
  if (plain.length > PAYLOAD_MAX_BYTES) throw new RangeError('only small secrets fit');
  const fileKey = randomBytes(FILE_KEY_BYTES);
  const { publicKey, privateKey } = generateKeyPairSync('x25519');
  const share = rawPublicKey(publicKey);
  const shared = diffieHellman({ privateKey, publicKey: recipient });
  const wrapped = seal(wrapKeyOf(shared, share, rawPublicKey(recipient)), ZERO_NONCE, fileKey);
  const header = `${VERSION_LINE}-> X25519 ${base64(share)}\n${base64(wrapped)}\n---`;
  const nonce = randomBytes(NONCE_BYTES);
  return Buffer.concat([
    Buffer.from(`${header} ${base64(headerMac(fileKey, header))}\n`),
    nonce,
    seal(payloadKeyOf(fileKey, nonce), ONLY_SEGMENT_NONCE, plain),
  ]);
}

/** The plain bytes; undefined when the file is for somebody else, or was altered. */
export function decryptWithIdentity(file: Uint8Array, identity: KeyObject): Buffer | undefined {
  const parts = partsOf(Buffer.from(file));
  if (parts === undefined || parts.share.length !== X25519_BYTES) return undefined;
  const own = rawPublicKey(createPublicKey(identity));
  const shared = diffieHellman({ privateKey: identity, publicKey: publicKeyFrom(parts.share) });
  const fileKey = unseal(wrapKeyOf(shared, parts.share, own), ZERO_NONCE, parts.wrapped);
  if (fileKey === undefined) return undefined;
  const mac = headerMac(fileKey, parts.header);
  if (mac.length !== parts.mac.length || !timingSafeEqual(mac, parts.mac)) return undefined;
  return unseal(payloadKeyOf(fileKey, parts.nonce), ONLY_SEGMENT_NONCE, parts.payload);
}

interface AgeParts {
  readonly header: string;
  readonly share: Buffer;
  readonly wrapped: Buffer;
  readonly mac: Buffer;
  readonly nonce: Buffer;
  readonly payload: Buffer;
}

function partsOf(file: Buffer): AgeParts | undefined {
  const text = file.toString('latin1');
  const found = /^(age-encryption\.org\/v1\n-> X25519 (\S+)\n(\S+)\n---) (\S+)\n/.exec(text);
  if (found === null) return undefined;
  const [whole, header = '', share = '', wrapped = '', mac = ''] = found;
  const body = file.subarray(whole.length);
  return {
    header,
    share: Buffer.from(share, 'base64'),
    wrapped: Buffer.from(wrapped, 'base64'),
    mac: Buffer.from(mac, 'base64'),
    nonce: body.subarray(0, NONCE_BYTES),
    payload: body.subarray(NONCE_BYTES),
  };
}

const wrapKeyOf = (shared: Buffer, share: Buffer, recipient: Buffer) =>
  derive(shared, Buffer.concat([share, recipient]), X25519_INFO);

const payloadKeyOf = (fileKey: Buffer, nonce: Buffer) => derive(fileKey, nonce, 'payload');

function headerMac(fileKey: Buffer, header: string): Buffer {
  const key = derive(fileKey, Buffer.alloc(0), 'header');
  return createHmac('sha256', key).update(header).digest();
}

function derive(secret: Buffer, salt: Buffer, info: string): Buffer {
  return Buffer.from(hkdfSync('sha256', secret, salt, info, 32));
}

function seal(key: Buffer, nonce: Buffer, plain: Uint8Array): Buffer {
  const cipher = createCipheriv(CIPHER, key, nonce, { authTagLength: TAG_BYTES });
  return Buffer.concat([cipher.update(plain), cipher.final(), cipher.getAuthTag()]);
}

function unseal(key: Buffer, nonce: Buffer, sealed: Buffer): Buffer | undefined {
  if (sealed.length < TAG_BYTES) return undefined;
  const decipher = createDecipheriv(CIPHER, key, nonce, { authTagLength: TAG_BYTES });
  decipher.setAuthTag(sealed.subarray(sealed.length - TAG_BYTES));
  const plain = decipher.update(sealed.subarray(0, sealed.length - TAG_BYTES));
  try {
    return Buffer.concat([plain, decipher.final()]);
  } catch {
    // Not for this key, or altered: the caller says which sentence fits.
    return undefined;
  }
}

const base64 = (bytes: Buffer) => bytes.toString('base64').replace(/=+$/, '');
