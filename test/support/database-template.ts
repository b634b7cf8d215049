import * as fs from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { prepareCluster } from '../../src/adapters/database/pglite-cluster.ts';

const PACKAGE_FILE = fileURLToPath(
  new URL('../../node_modules/@electric-sql/pglite/package.json', import.meta.url),
);

/**
 * An empty embedded cluster to pass as `templateDirectory`: a copy takes 0.2 s where initdb takes four. Built once
 * per version of the engine and kept in node_modules/.cache.
 */
export async function databaseTemplate(): Promise<string> {
  const { version } = JSON.parse(fs.readFileSync(PACKAGE_FILE, 'utf8')) as { version: string };
  const template = join(
    dirname(PACKAGE_FILE),
    `../../.cache/llamp/pglite-${version}-${process.platform}`,
  );
  if (fs.existsSync(template)) return template;
  fs.mkdirSync(dirname(template), { recursive: true });
  const scratch = fs.mkdtempSync(join(dirname(template), 'creating-'));
  await prepareCluster(join(scratch, 'cluster'), undefined);
  try {
    fs.renameSync(join(scratch, 'cluster'), template);
  } catch (error) {
    // Another test process was faster.
    if (!fs.existsSync(template)) throw error;
  } finally {
    fs.rmSync(scratch, { recursive: true, force: true });
  }
  return template;
}

/** A temporary folder whose name tells what it was for; remove it with `fs.rmSync`. */
export function temporaryFolder(purpose: string): string {
  return fs.mkdtempSync(join(tmpdir(), `llamp-${purpose}-`));
}
