import { execFile } from 'node:child_process';
import { mkdir } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { testEnvironment } from '../runner/test-environment.ts';
import { freePort, httpStatus } from './loopback.ts';
import { type ProcessGroup, startProcessGroup, waitUntilReady } from './process-group.ts';

const run = promisify(execFile);
const COMMAND = resolve('bin/llamp.mjs');
const READY_TIMEOUT_MS = 60_000;
// Longer than the drain that instances of tests are given.
const STOP_TIMEOUT_MS = 45_000;

/** An upstream that speaks OpenAI's API, such as the scripted provider. */
export interface Upstream {
  readonly baseUrl: string;
  readonly apiKey?: string;
}

/** `node bin/llamp.mjs serve` as a process of its own. Its port and data folder stay the same over restarts. */
export interface AppProcess {
  readonly url: string;
  readonly dataDirectory: string;
  /** Standard output and error of every start so far. */
  readonly logPath: string;
  readonly group: ProcessGroup;
  /** Ends it without any warning. */
  kill(): Promise<void>;
  /** Asks it to stop, as an operator would, and waits; running requests may finish. */
  stop(): Promise<void>;
  /** Starts it again after `kill` or `stop`; resolves when it is ready. */
  start(): Promise<void>;
}

export interface AppProcessOptions {
  /** For data and log; made when it is missing. */
  readonly directory: string;
  readonly environment: Readonly<Record<string, string>>;
  readonly dataDirectory?: string;
}

/** Starts one instance and waits for `/health/ready`. */
export async function startAppProcess(options: AppProcessOptions): Promise<AppProcess> {
  const dataDirectory = options.dataDirectory ?? join(options.directory, 'data');
  await mkdir(options.directory, { recursive: true });
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  const logPath = join(options.directory, 'app.log');
  const environment = appEnvironment({
    LLAMP_PORT: `${port}`,
    LLAMP_DATA_DIR: dataDirectory,
    // Where the servers of tests listen.
    LLAMP_OUTBOUND_ALLOW: '127.0.0.1',
    ...options.environment,
  });
  const launch = () => launchInstance(environment, logPath, url);
  let group = await launch();
  return {
    url,
    dataDirectory,
    logPath,
    get group() {
      return group;
    },
    kill: async () => {
      group.kill('SIGKILL');
      await group.stop();
    },
    stop: () => group.stop(),
    start: async () => {
      group = await launch();
    },
  };
}

/** Runs a command such as `migrate` to its end; rejects with what it printed. */
export async function runAppCommand(
  args: readonly string[],
  environment: Readonly<Record<string, string>>,
): Promise<string> {
  const { stdout } = await run(process.execPath, [COMMAND, ...args], {
    env: appEnvironment(environment),
    timeout: READY_TIMEOUT_MS,
  });
  return stdout;
}

/** Variables that make an upstream known. */
export function upstreamVariables(upstream: Upstream | undefined): Record<string, string> {
  if (upstream === undefined) return {};
  const { baseUrl, apiKey } = upstream;
  return { OPENAI_API_BASE: baseUrl, ...(apiKey === undefined ? {} : { OPENAI_API_KEY: apiKey }) };
}

const appEnvironment = (variables: Readonly<Record<string, string>>) =>
  testEnvironment(process.env, { ...variables });

async function launchInstance(
  environment: NodeJS.ProcessEnv,
  logPath: string,
  url: string,
): Promise<ProcessGroup> {
  const group = startProcessGroup({
    command: process.execPath,
    args: [COMMAND, 'serve'],
    env: environment,
    logPath,
    stopTimeoutMs: STOP_TIMEOUT_MS,
  });
  const isReady = async () => (await httpStatus(`${url}/health/ready`)) === 200;
  await waitUntilReady('Llamp', group, isReady, READY_TIMEOUT_MS);
  return group;
}
