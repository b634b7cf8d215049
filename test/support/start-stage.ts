import { execFile } from 'node:child_process';
import { chmod, cp, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { freePort } from './servers/loopback.ts';

const run = promisify(execFile);

/** Stands in for docker: notes every call, and answers from the files in its folder. */
const FAKE_DOCKER = `#!/usr/bin/env bash
state="$(dirname "$0")"
echo "$*" >>"$state/calls"
case "$*" in
  *info*MemTotal*) cat "$state/memory" ;;
  *info*RootDir*) echo "$state" ;;
  "image inspect "*) [ -e "$state/image-loaded" ] ;;
  "volume inspect "*) [ -e "$state/volume-$3" ] ;;
  *" up -d --wait"*) [ ! -e "$state/unhealthy" ] && touch "$state/volume-llamp_postgres-data" "$state/nginx-runs" ;;
  "compose version --short") cat "$state/compose-version" ;;
  *"config --images") printf '%s\\n' example/store:1.0 llamp:local ;;
  "save -o "*) echo images >"$3" ;;
  *"backup create") [ ! -e "$state/backup-fails" ] ;;
  *"run --rm --no-deps migrate") [ ! -e "$state/migration-fails" ] ;;
  *" up -d --no-deps --wait"*app-2) [ ! -e "$state/app-2-fails" ] ;;
  *"ps --status running -q nginx") [ ! -e "$state/nginx-runs" ] || echo 0123456789ab ;;
esac
`;

export interface StartResult {
  readonly code: number;
  readonly output: string;
}

/** A copy of the deployment with a stand-in for docker: what start.sh does is seen in the calls. */
export interface StartStage {
  /** The copy of the repository's top. */
  readonly top: string;
  /** Folder of the stand-in; its files decide what it answers. */
  readonly docker: string;
  readonly port: number;
  secret(name: string): string;
  calls(): Promise<string>;
  forgetCalls(): Promise<void>;
  start(args?: string[], environment?: Record<string, string>): Promise<StartResult>;
  remove(): Promise<void>;
}

export async function createStartStage(): Promise<StartStage> {
  const top = await mkdtemp(join(tmpdir(), 'llamp-start-'));
  // Only what is committed: a developer's own secrets must neither be seen nor touched.
  const { stdout } = await run('git', ['ls-files', '-co', '--exclude-standard', 'deployments']);
  for (const file of stdout.split('\n').filter(Boolean)) await cp(file, join(top, file));
  const docker = join(top, 'fake');
  await mkdir(docker);
  await writeFile(join(docker, 'docker'), FAKE_DOCKER);
  await chmod(join(docker, 'docker'), 0o755);
  await writeFile(join(docker, 'memory'), `${16 * 1024 ** 3}`);
  await writeFile(join(docker, 'compose-version'), '2.39.1\n');
  const port = await freePort();
  return {
    top,
    docker,
    port,
    secret: (name) => join(top, 'deployments/docker/secrets', name),
    calls: () => readFile(join(docker, 'calls'), 'utf8'),
    forgetCalls: () => writeFile(join(docker, 'calls'), ''),
    start: (args = [], environment = {}) => {
      const env = {
        PATH: `${docker}:/usr/sbin:/usr/bin:/bin`,
        HOME: top,
        LLAMP_HTTP_PORT: `${port}`,
        ...environment,
      };
      return startWith(join(top, 'deployments/docker/start.sh'), args, env);
    },
    remove: () => rm(top, { recursive: true, force: true }),
  };
}

const startWith = (
  script: string,
  args: string[],
  env: Record<string, string>,
): Promise<StartResult> =>
  run(script, args, { env, timeout: 60_000 }).then(
    ({ stdout, stderr }) => ({ code: 0, output: stdout + stderr }),
    ({ code, stdout, stderr }) => ({ code, output: `${stdout}${stderr}` }),
  );
