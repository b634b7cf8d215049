import { execFile } from 'node:child_process';
import { constants } from 'node:fs';
import { access } from 'node:fs/promises';
import { homedir } from 'node:os';
import { delimiter, join } from 'node:path';
import { promisify } from 'node:util';
import type { Found } from './test-server.ts';

const run = promisify(execFile);

/** Folder where `.ci/run` puts what no Debian package brings. */
export function serversFolder(): string {
  return process.env['LLAMP_SERVERS_DIR'] ?? join(homedir(), '.cache', 'llamp-servers');
}

/** The program from the servers folder (`relative`) or else by `name` on the path or in `extraFolders`. */
export async function locate(options: {
  name?: string;
  relative?: string;
  extraFolders?: readonly string[];
}): Promise<Found> {
  const { name, relative, extraFolders = [] } = options;
  const candidates = [
    ...(relative === undefined ? [] : [join(serversFolder(), relative)]),
    ...(name === undefined ? [] : pathFolders(extraFolders).map((folder) => join(folder, name))),
  ];
  for (const candidate of candidates) {
    if (await isExecutable(candidate)) return { path: candidate };
  }
  return { missing: `not installed: ${name ?? relative}` };
}

/** `found` when the program answers to `args`; a half-finished install is the reason why not. */
export async function answering(found: Found, args: readonly string[]): Promise<Found> {
  if ('missing' in found) return found;
  try {
    await run(found.path, [...args], { timeout: 60_000 });
    return found;
  } catch (error) {
    return { missing: `${found.path} does not run: ${firstLine((error as Error).message)}` };
  }
}

function pathFolders(extra: readonly string[]): string[] {
  // Debian keeps servers in /usr/sbin, which is not on everyone's path.
  return [...(process.env['PATH'] ?? '').split(delimiter), '/usr/sbin', ...extra].filter(Boolean);
}

async function isExecutable(path: string): Promise<boolean> {
  return access(path, constants.X_OK).then(
    () => true,
    () => false,
  );
}

const firstLine = (text: string) => text.split('\n', 1)[0] ?? '';
