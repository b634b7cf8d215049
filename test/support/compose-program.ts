import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { serversFolder } from './servers/locate.ts';

const run = promisify(execFile);

/** `docker compose` or a `docker-compose` of version 2 or newer, as words of a command; undefined without one. */
export async function findCompose(): Promise<readonly string[] | undefined> {
  const candidates = [
    ['docker', 'compose'],
    [join(serversFolder(), 'bin', 'docker-compose')],
    ['docker-compose'],
  ] as const;
  for (const [program, ...args] of candidates) {
    const version = await run(program, [...args, 'version', '--short'], { timeout: 20_000 }).then(
      ({ stdout }) => stdout.trim(),
      () => '',
    );
    // Version 1 knows neither conditions of dependencies nor limits as they stand in our file.
    if (/^v?(?:[2-9]|\d\d)\./.test(version)) return [program, ...args];
  }
  return undefined;
}
