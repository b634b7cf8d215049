import { spawn } from 'node:child_process';
import { resolve } from 'node:path';

export interface StaticCheck {
  readonly name: string;
  readonly command: readonly [string, ...string[]];
}

export interface CheckResult {
  readonly name: string;
  readonly passed: boolean;
  readonly output: string;
  readonly durationMs: number;
}

/** In the order in which they are printed; they run side by side. */
export const STATIC_CHECKS: readonly StaticCheck[] = [
  { name: 'type check', command: ['tsc', '--noEmit', '-p', '.'] },
  {
    name: 'format and lint',
    command: ['biome', 'ci', '--colors=off', '--diagnostic-level=warn', '.'],
  },
];

export async function runStaticChecks(environment: NodeJS.ProcessEnv): Promise<CheckResult[]> {
  return Promise.all(STATIC_CHECKS.map((check) => runCheck(check, environment)));
}

function runCheck(check: StaticCheck, environment: NodeJS.ProcessEnv): Promise<CheckResult> {
  const [program, ...args] = check.command;
  const startedAt = performance.now();
  return new Promise((done) => {
    const chunks: Buffer[] = [];
    const child = spawn(resolve('node_modules/.bin', program), args, {
      env: environment,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const finish = (passed: boolean, note = '') => {
      const durationMs = performance.now() - startedAt;
      const output = Buffer.concat(chunks).toString() + note;
      done({ name: check.name, passed, output, durationMs });
    };
    child.stdout.on('data', (chunk: Buffer) => chunks.push(chunk));
    child.stderr.on('data', (chunk: Buffer) => chunks.push(chunk));
    child.once('error', (error) => finish(false, error.message));
    child.once('close', (code) => finish(code === 0));
  });
}
