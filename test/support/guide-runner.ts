import { execFile } from 'node:child_process';
import { chmod, cp, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { promisify } from 'node:util';
import type { GuideBlock } from './guide-blocks.ts';
import { testEnvironment } from './runner/test-environment.ts';

const run = promisify(execFile);
const TIMEOUT_MS = 240_000;

/** A folder in which the commands of a page find what they name: the deployment and `llamp`. */
export interface GuideRunner {
  readonly directory: string;
  /** Runs one block as it stands; rejects with what it printed when a command fails. */
  run(block: GuideBlock, environment?: Readonly<Record<string, string>>): Promise<string>;
  remove(): Promise<void>;
}

export async function createGuideRunner(programs: readonly string[] = []): Promise<GuideRunner> {
  const directory = await mkdtemp(join(tmpdir(), 'llamp-guide-'));
  const { stdout } = await run('git', ['ls-files', '-co', '--exclude-standard', 'deployments']);
  for (const file of stdout.split('\n').filter(Boolean)) await cp(file, join(directory, file));
  const bin = join(directory, 'bin');
  await mkdir(bin);
  const llamp = `#!/bin/sh\nexec '${process.execPath}' '${resolve('bin/llamp.mjs')}' "$@"\n`;
  await writeFile(join(bin, 'llamp'), llamp);
  await chmod(join(bin, 'llamp'), 0o755);
  const path = [bin, ...programs.map(dirname), '/usr/sbin', process.env['PATH'] ?? ''].join(':');
  return {
    directory,
    run: async (block, environment = {}) => {
      // A real pipe: Nginx opens its error log by the name /dev/stderr, which a socket does not have.
      const commands = `{\n${block.text}\n} 2>&1 | cat`;
      const { stdout: printed } = await run('bash', ['-euo', 'pipefail', '-c', commands], {
        cwd: directory,
        timeout: TIMEOUT_MS,
        env: { ...testEnvironment(process.env, environment), PATH: path },
      });
      return printed;
    },
    remove: () => rm(directory, { recursive: true, force: true }),
  };
}
