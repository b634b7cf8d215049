import { execFile } from 'node:child_process';
import { copyFile, mkdir, writeFile } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { answering, locate } from './locate.ts';
import { freePort, httpStatus } from './loopback.ts';
import { startProcessGroup, waitUntilReady } from './process-group.ts';
import type { TestServer } from './test-server.ts';

const run = promisify(execFile);
const READY_TIMEOUT_MS = 60_000;
const QUERY_TIMEOUT_MS = 10_000;
const PROMTOOL_TIMEOUT_MS = 180_000;

/** Rules and configuration as they are delivered. */
export const PROMETHEUS_FOLDER = resolve('deployments/monitoring/prometheus');

/** The leg is the program itself: a test starts it on its own targets. */
export const prometheusServer: TestServer = {
  leg: 'prometheus',
  install: 'apt-get install prometheus',
  find: async () => answering(await locate({ name: 'prometheus' }), ['--version']),
  start: async ({ path }) => ({ address: path, stop: async () => undefined }),
};

/** `promtool` of the same package; rejects with what it says. */
export async function promtool(prometheus: string, args: readonly string[]): Promise<string> {
  const { stdout } = await run(join(dirname(prometheus), 'promtool'), [...args], {
    cwd: PROMETHEUS_FOLDER,
    timeout: PROMTOOL_TIMEOUT_MS,
  });
  return stdout;
}

export interface RunningPrometheus {
  /** The samples of an expression now; rejects with the reason when it cannot be parsed. */
  query(expression: string): Promise<readonly object[]>;
  stop(): Promise<void>;
}

/** Starts Prometheus with the delivered rules on one target that it asks every second. */
export async function startPrometheus(options: {
  path: string;
  directory: string;
  target: string;
}): Promise<RunningPrometheus> {
  const { path, directory, target } = options;
  await mkdir(directory, { recursive: true });
  await copyFile(join(PROMETHEUS_FOLDER, 'alerts.yml'), join(directory, 'alerts.yml'));
  const configuration = join(directory, 'prometheus.yml');
  await writeFile(configuration, configurationFor(target));
  const address = `127.0.0.1:${await freePort()}`;
  const group = startProcessGroup({
    command: path,
    args: [
      `--config.file=${configuration}`,
      `--storage.tsdb.path=${join(directory, 'series')}`,
      `--web.listen-address=${address}`,
    ],
    cwd: directory,
    logPath: join(directory, 'prometheus.log'),
  });
  const isReady = async () => (await httpStatus(`http://${address}/-/ready`)) === 200;
  await waitUntilReady('Prometheus', group, isReady, READY_TIMEOUT_MS);
  return { query: (expression) => query(address, expression), stop: group.stop };
}

const configurationFor = (
  target: string,
) => `global: { scrape_interval: 1s, evaluation_interval: 1s }
rule_files: [alerts.yml]
scrape_configs:
  - { job_name: llamp, static_configs: [{ targets: ["${target}"] }] }
`;

async function query(address: string, expression: string): Promise<readonly object[]> {
  const parameters = new URLSearchParams({ query: expression });
  const answer = await fetch(`http://${address}/api/v1/query?${parameters}`, {
    signal: AbortSignal.timeout(QUERY_TIMEOUT_MS),
  });
  const body = (await answer.json()) as { error?: string; data?: { result: readonly object[] } };
  if (body.data === undefined) throw new Error(`${expression}: ${body.error}`);
  return body.data.result;
}
