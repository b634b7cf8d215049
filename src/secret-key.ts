import { randomBytes } from 'node:crypto';
import { open, readFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import type { Config } from './config/config.ts';
import {
  createSecretBox,
  MASTER_KEY_BYTES,
  masterKeyFrom,
  type SecretBox,
} from './lib/secret-box.ts';
import { StartError } from './lib/start-error.ts';

const FILE_NAME = 'secret.key';
const OWNER_ONLY = 0o600;

/**
 * The box of this installation. Its key is configured, or lies in the data folder of the embedded shape, where the
 * first start makes it. Undefined with a served database and no key: instances could not read each other's secrets.
 */
export async function openSecretBox(
  config: Pick<Config, 'masterKey' | 'database' | 'dataDirectory'>,
): Promise<SecretBox | undefined> {
  if (config.masterKey !== undefined) return createSecretBox(config.masterKey);
  if (config.database !== undefined) return undefined;
  const path = resolve(join(config.dataDirectory, FILE_NAME));
  return createSecretBox((await storedKey(path)) ?? (await newKey(path, config.dataDirectory)));
}

async function storedKey(path: string): Promise<Uint8Array | undefined> {
  const text = await readFile(path, 'utf8').catch((error: unknown) => {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined;
    throw error;
  });
  if (text === undefined) return undefined;
  const key = masterKeyFrom(text);
  // Never replaced: stored credentials may depend on what it was.
  if (key === undefined) {
    throw new StartError(
      `${path} holds no key of 32 bytes; put back the file of before, or delete it and enter every credential again`,
    );
  }
  return key;
}

/** On disk, with its folder, before anything is sealed with it. */
async function newKey(path: string, directory: string): Promise<Uint8Array> {
  const key = randomBytes(MASTER_KEY_BYTES);
  await using file = await open(path, 'wx', OWNER_ONLY);
  await file.writeFile(`${key.toString('base64')}\n`);
  await file.sync();
  // Windows knows no sync of folders.
  if (process.platform !== 'win32') {
    await using folder = await open(directory, 'r');
    await folder.sync();
  }
  return key;
}
