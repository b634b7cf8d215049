import {
  createHash,
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  type KeyObject,
  randomBytes,
  sign,
  verify,
} from 'node:crypto';
import { type Static, Type } from 'typebox';
import { Check } from 'typebox/value';
import { type SecretBox, SecretBoxError } from '../../../../lib/secret-box.ts';
import type { Clock } from '../../../../ports/clock.ts';
import { BackupError, damaged } from '../backup-error.ts';
import { decryptWithIdentity, encryptForRecipient } from '../recovery/age-file.ts';
import { parseRecipient } from '../recovery/recovery-key.ts';

const DATA_KEY_BYTES = 32;
const FINGERPRINT_LENGTH = 16;
const Text = Type.String({ minLength: 1, maxLength: 4_096 });

/** A file of `keys/`. Written once and never changed: another recipient or another secret key gets a key of its own. */
const KeyFileForm = Type.Object({
  format: Type.Literal(1),
  id: Type.String({ pattern: '^[a-z0-9_]{1,64}$' }),
  created_at: Text,
  recipient: Text,
  /** An age file in base64: opens with the identity of the recipient. */
  data_key_for_recipient: Text,
  /** An envelope of lib/secret-box.ts: opens with the secret key of the installation. */
  data_key_for_installation: Text,
  signing_key_for_installation: Text,
  /** Ed25519, SPKI in base64. */
  signer: Text,
});
export type KeyFile = Static<typeof KeyFileForm>;

/** Opens chunks. */
export interface OpenKey {
  readonly id: string;
  readonly signer: string;
  readonly dataKey: Uint8Array;
}

/** Makes archives. */
export interface WritingKey extends OpenKey {
  /** Of the text of the key file. */
  readonly sha256: string;
  sign(bytes: Uint8Array): Buffer;
}

const boundTo = (id: string, use: string) => `backup_key:${id}:${use}`;

export function createKeyFile(recipient: string, box: SecretBox, clock: Clock): string {
  const recipientKey = parseRecipient(recipient);
  if (recipientKey === undefined)
    throw new BackupError(
      'refused',
      `${recipient} is no recipient; \`llamp backup keygen\` makes one`,
    );
  const id = clock.newId('bk_');
  const dataKey = randomBytes(DATA_KEY_BYTES);
  const { publicKey, privateKey } = generateKeyPairSync('ed25519');
  const signingKey = privateKey.export({ format: 'der', type: 'pkcs8' }).toString('base64');
  const file: KeyFile = {
    format: 1,
    id,
    created_at: clock.now().toISOString(),
    recipient,
    data_key_for_recipient: encryptForRecipient(dataKey, recipientKey).toString('base64'),
    data_key_for_installation: box.seal(dataKey.toString('base64'), boundTo(id, 'data')),
    signing_key_for_installation: box.seal(signingKey, boundTo(id, 'sign')),
    signer: publicKey.export({ format: 'der', type: 'spki' }).toString('base64'),
  };
  return `${JSON.stringify(file, null, 2)}\n`;
}

export function parseKeyFile(text: string): KeyFile {
  try {
    const value: unknown = JSON.parse(text);
    if (Check(KeyFileForm, value)) return value;
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
  }
  throw damaged('a key file of the archive cannot be read');
}

/** For an archive that this installation made; undefined when it has not, or has another secret key now. */
export function openForWriting(text: string, box: SecretBox): WritingKey | undefined {
  const file = parseKeyFile(text);
  const key = openWithBox(file, box);
  if (key === undefined) return undefined;
  const opened = box.open(file.signing_key_for_installation, boundTo(file.id, 'sign'));
  const privateKey = createPrivateKey({
    key: Buffer.from(opened, 'base64'),
    format: 'der',
    type: 'pkcs8',
  });
  return { ...key, sha256: sha256Of(text), sign: (bytes) => sign(null, bytes, privateKey) };
}

export function openWithBox(file: KeyFile, box: SecretBox): OpenKey | undefined {
  try {
    const text = box.open(file.data_key_for_installation, boundTo(file.id, 'data'));
    return { id: file.id, signer: file.signer, dataKey: Buffer.from(text, 'base64') };
  } catch (error) {
    if (error instanceof SecretBoxError) return undefined;
    throw error;
  }
}

export function openWithIdentity(file: KeyFile, identity: KeyObject): OpenKey | undefined {
  const wrapped = Buffer.from(file.data_key_for_recipient, 'base64');
  const dataKey = decryptWithIdentity(wrapped, identity);
  if (dataKey === undefined) return undefined;
  return { id: file.id, signer: file.signer, dataKey };
}

export function isSignedBy(signer: string, bytes: Uint8Array, signature: Buffer): boolean {
  try {
    const key = createPublicKey({
      key: Buffer.from(signer, 'base64'),
      format: 'der',
      type: 'spki',
    });
    return verify(null, bytes, key, signature);
  } catch (cause) {
    throw damaged('the archive names a signer that is no key', cause);
  }
}

/** Short name of a signer, for people who compare it with what they wrote down. */
export function signerFingerprint(signer: string): string {
  return sha256Of(Buffer.from(signer, 'base64')).slice(0, FINGERPRINT_LENGTH);
}

export function sha256Of(bytes: Uint8Array | string): string {
  return createHash('sha256').update(bytes).digest('hex');
}
