import type { KeyObject } from 'node:crypto';
import type { SecretBox } from '../../../lib/secret-box.ts';
import {
  type KeyFile,
  type OpenKey,
  openWithBox,
  openWithIdentity,
  parseKeyFile,
  sha256Of,
} from './archive/archive-key.ts';
import type { ArchiveStore } from './archive/archive-store.ts';
import type { Manifest } from './archive/manifest.ts';
import { BackupError, damaged } from './backup-error.ts';
import { decryptWithIdentity } from './recovery/age-file.ts';

/** What is at hand to open a backup with; either is enough. */
export interface Openers {
  readonly identities: readonly KeyObject[];
  readonly box: SecretBox | undefined;
}

export const NO_OPENERS: Openers = { identities: [], box: undefined };

/** The key file that the manifest means, proven by the hash that its signer put into it. */
export async function readKeyFile(store: ArchiveStore, { key }: Manifest): Promise<KeyFile> {
  const text = await store.readKeyFile(key.id);
  if (text === undefined) throw damaged(`the key file ${key.id} is missing`);
  if (sha256Of(text) !== key.sha256) throw damaged(`the key file ${key.id} was changed`);
  const file = parseKeyFile(text);
  if (file.signer !== key.signer) throw damaged(`the key file ${key.id} has another signer`);
  return file;
}

/** Undefined when nothing at hand opens it. */
export function openKey(file: KeyFile, { identities, box }: Openers): OpenKey | undefined {
  const byBox = box === undefined ? undefined : openWithBox(file, box);
  if (byBox !== undefined) return byBox;
  for (const identity of identities) {
    const key = openWithIdentity(file, identity);
    if (key !== undefined) return key;
  }
  return undefined;
}

/** The key of a backup, or the sentence that says which one is wanted. */
export async function requireKey(
  store: ArchiveStore,
  manifest: Manifest,
  openers: Openers,
): Promise<OpenKey> {
  const file = await readKeyFile(store, manifest);
  const key = openKey(file, openers);
  if (key !== undefined) return key;
  throw new BackupError(
    'wrong_key',
    `backup ${manifest.id} opens with the identity of ${file.recipient}, or with the secret key ${manifest.secret_key_ids.join(' or ')} of the installation that made it`,
  );
}

/** The backup with this id, or the newest one that can be read. */
export async function findBackup(store: ArchiveStore, id: string | undefined): Promise<Manifest> {
  if (id !== undefined) return await store.readManifest(id);
  const backups = await store.listBackups();
  const newest = backups.findLast(({ manifest }) => manifest !== undefined)?.manifest;
  if (newest !== undefined) return newest;
  const [first] = backups;
  throw damaged(first === undefined ? 'there is no backup here' : (first.reason ?? first.id));
}

/** The secret keys of the installation that made the backup; undefined when no identity opens them. */
export function readSecretKeys(
  manifest: Manifest,
  identities: readonly KeyObject[],
): Uint8Array[] | undefined {
  if (manifest.secret_keys_for_recipient === null) return undefined;
  const file = Buffer.from(manifest.secret_keys_for_recipient, 'base64');
  for (const identity of identities) {
    const lines = decryptWithIdentity(file, identity)?.toString('utf8').trim().split('\n');
    if (lines !== undefined) return lines.map((line) => Buffer.from(line, 'base64'));
  }
  return undefined;
}
