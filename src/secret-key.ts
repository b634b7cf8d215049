import { randomBytes } from 'node:crypto';
import { open, readFile, rename } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import type { Config } from './config/config.ts';
import { ConfigError } from './config/mistakes.ts';
import { verifySecretKey, WrongSecretKeyError } from './domains/ops/secrets/index.ts';
import {
  createSecretBox,
  MASTER_KEY_BYTES,
  masterKeysFrom,
  type SecretBox,
} from './lib/secret-box.ts';
import { StartError } from './lib/start-error.ts';
import type { Clock } from './ports/clock.ts';
import type { Database } from './ports/database.ts';

const FILE_NAME = 'secret.key';
const OWNER_ONLY = 0o600;

type KeyConfig = Pick<Config, 'masterKeys' | 'database' | 'dataDirectory'>;

/**
 * The box of this installation. Its keys are configured, or lie in the data folder of the embedded shape, where the
 * first start makes one. Undefined with a served database and no key: instances could not read each other's secrets.
 */
export async function openSecretBox(config: KeyConfig): Promise<SecretBox | undefined> {
  if (config.masterKeys !== undefined) return boxOf(config.masterKeys);
  if (config.database !== undefined) return undefined;
  const path = keyFileOf(config);
  return boxOf((await storedKeys(path)) ?? [await newKey(path, config.dataDirectory)]);
}

/** The same, for whoever only looks: makes no key. */
export async function readSecretBox(config: KeyConfig): Promise<SecretBox | undefined> {
  if (config.masterKeys !== undefined) return boxOf(config.masterKeys);
  if (config.database !== undefined) return undefined;
  const keys = await storedKeys(keyFileOf(config));
  return keys === undefined ? undefined : boxOf(keys);
}

/** The same as the first, once it is certain that it opens what is stored; rejects with a `ConfigError` when it does not. */
export async function openVerifiedSecretBox(
  config: KeyConfig,
  stores: { database: Database; clock: Clock },
): Promise<SecretBox | undefined> {
  const box = await openSecretBox(config);
  await verifySecretKey(stores, box).catch((error: unknown) => {
    if (!(error instanceof WrongSecretKeyError)) throw error;
    const isFile = config.masterKeys === undefined && config.database === undefined;
    throw new ConfigError([
      {
        variable: 'LLAMP_SECRET_KEY',
        reason: `is not the key of this installation: ${error.message}`,
        fix: isFile
          ? `put back the ${FILE_NAME} that was in the data folder`
          : 'set the key that was set before, beside the new one if it is being replaced',
      },
    ]);
  });
  return box;
}

/** The keys themselves, the sealing one first, for a backup that only its recipient opens; none when there are none. */
export async function readMasterKeys(config: KeyConfig): Promise<readonly Uint8Array[]> {
  if (config.masterKeys !== undefined) return config.masterKeys;
  if (config.database !== undefined) return [];
  return (await storedKeys(keyFileOf(config))) ?? [];
}

/** Keys of a backup for an installation whose keys lie in the data folder. Never in place of others. */
export async function restoreKeyFile(config: KeyConfig, keys: readonly Uint8Array[]) {
  const path = keyFileOf(config);
  const present = await storedKeys(path);
  const isSame = present?.every((key, index) =>
    Buffer.from(key).equals(keys[index] ?? Buffer.alloc(0)),
  );
  if (present !== undefined && isSame !== true)
    throw new StartError(`${path} holds another key than the backup; move it away first`);
  if (present === undefined) await writeKeys(path, config.dataDirectory, keys);
}

/** True when the keys lie in the data folder, where a command may replace them. */
export function hasKeyFile({ masterKeys, database }: KeyConfig): boolean {
  return masterKeys === undefined && database === undefined;
}

/** A new key in front of those of the file: it seals from now on, and they still open. */
export async function addKeyToFile(config: KeyConfig): Promise<void> {
  const path = keyFileOf(config);
  const keys = (await storedKeys(path)) ?? [];
  await writeKeys(path, config.dataDirectory, [randomBytes(MASTER_KEY_BYTES), ...keys]);
}

/** Forgets every key of the file but the one that seals; call it when nothing needs the others any more. */
export async function keepSealingKeyOnly(config: KeyConfig): Promise<void> {
  const path = keyFileOf(config);
  const keys = (await storedKeys(path)) ?? [];
  await writeKeys(path, config.dataDirectory, keys.slice(0, 1));
}

const keyFileOf = ({ dataDirectory }: KeyConfig) => resolve(join(dataDirectory, FILE_NAME));

function boxOf([first, ...others]: readonly Uint8Array[]): SecretBox {
  if (first === undefined) throw new Error('a box needs a key');
  return createSecretBox(first, others);
}

async function storedKeys(path: string): Promise<readonly Uint8Array[] | undefined> {
  const text = await readFile(path, 'utf8').catch((error: unknown) => {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined;
    throw error;
  });
  if (text === undefined) return undefined;
  const keys = masterKeysFrom(text.trim().split('\n'));
  // Never replaced: stored credentials may depend on what it was.
  if (keys === undefined) {
    throw new StartError(
      `${path} holds no key of 32 bytes; put back the file of before, or delete it and enter every credential again`,
    );
  }
  return keys;
}

/** On disk, with its folder, before anything is sealed with it. */
async function newKey(path: string, directory: string): Promise<Uint8Array> {
  const key = randomBytes(MASTER_KEY_BYTES);
  await writeSynced(path, 'wx', [key]);
  await syncFolder(directory);
  return key;
}

/** At once, or not at all. */
async function writeKeys(path: string, directory: string, keys: readonly Uint8Array[]) {
  const temporary = `${path}.new`;
  await writeSynced(temporary, 'w', keys);
  await rename(temporary, path);
  await syncFolder(directory);
}

async function writeSynced(path: string, flags: string, keys: readonly Uint8Array[]) {
  await using file = await open(path, flags, OWNER_ONLY);
  const lines = keys.map((key) => Buffer.from(key).toString('base64'));
  await file.writeFile(`${lines.join('\n')}\n`);
  await file.sync();
}

async function syncFolder(directory: string): Promise<void> {
  // Windows knows no sync of folders.
  if (process.platform === 'win32') return;
  await using folder = await open(directory, 'r');
  await folder.sync();
}
