import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { startAppProcess } from '../../test/support/servers/app-process.ts';
import { newFirstApiKey } from '../../test/support/servers/first-api-key.ts';
import { freePort, tcpAnswers } from '../../test/support/servers/loopback.ts';
import { nginxServer } from '../../test/support/servers/nginx.ts';
import { startProcessGroup, waitUntilReady } from '../../test/support/servers/process-group.ts';
import { setLimits } from './limits.ts';
import { ledger, type Stores } from './stores.ts';

export interface Running {
  readonly port: number;
  /** Leader of the process group that is measured; undefined for the upstream itself. */
  readonly groupId: number | undefined;
  readonly apiKey: string;
  /** Rows of usage in SQL, when the entrant keeps any. */
  countRows?(): Promise<number>;
  stop(): Promise<void>;
}

export interface Surroundings {
  readonly upstreamPort: number;
  /** A new empty folder of this start. */
  readonly directory: string;
  readonly stores: Stores | undefined;
}

/** Something that stands between the load and the upstream. */
export interface Entrant {
  readonly name: string;
  readonly start: (surroundings: Surroundings) => Promise<Running>;
}

const REFERENCE = fileURLToPath(new URL('reference-proxy-main.ts', import.meta.url));
const READY_TIMEOUT_MS = 20_000;

/** In the order of a round; those that cannot run here are left out. */
export async function availableEntrants(stores: Stores | undefined): Promise<Entrant[]> {
  const nginx = await nginxServer.find();
  return [
    { name: 'direct', start: startDirect },
    ...('path' in nginx ? [{ name: 'nginx', start: startNginx(nginx.path) }] : []),
    { name: 'node-undici', start: startReference },
    { name: 'llamp-bare', start: startBare },
    ...(stores === undefined ? [] : [{ name: 'llamp-full', start: startFull }]),
  ];
}

async function startDirect({ upstreamPort }: Surroundings): Promise<Running> {
  return { port: upstreamPort, groupId: undefined, apiKey: 'none', stop: async () => undefined };
}

async function startReference({ upstreamPort, directory }: Surroundings): Promise<Running> {
  const port = await freePort();
  const upstream = `http://127.0.0.1:${upstreamPort}`;
  const args = [REFERENCE, String(port), upstream];
  return startCommand('node-undici', { command: process.execPath, args, port, directory });
}

function startNginx(path: string): Entrant['start'] {
  return async ({ upstreamPort, directory }) => {
    const port = await freePort();
    const configuration = join(directory, 'nginx.conf');
    await mkdir(join(directory, 'logs'), { recursive: true });
    await writeFile(configuration, nginxConfiguration(directory, port, upstreamPort));
    const args = ['-p', directory, '-c', configuration, '-e', join(directory, 'error.log')];
    return startCommand('nginx', { command: path, args, port, directory });
  };
}

function nginxConfiguration(directory: string, port: number, upstreamPort: number): string {
  const folders = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi']
    .map((kind) => `  ${kind}_temp_path ${directory}/${kind};`)
    .join('\n');
  return `daemon off;
worker_processes 2;
pid ${directory}/nginx.pid;
events { worker_connections 4096; }
http {
  access_log off;
${folders}
  keepalive_requests 1000000000;
  upstream scripted { server 127.0.0.1:${upstreamPort}; keepalive 128; keepalive_requests 1000000000; }
  server {
    listen 127.0.0.1:${port};
    location / {
      proxy_pass http://scripted;
      proxy_http_version 1.1;
      proxy_set_header Connection "";
      proxy_buffering off;
    }
  }
}
`;
}

async function startCommand(
  name: string,
  start: { command: string; args: readonly string[]; port: number; directory: string },
): Promise<Running> {
  const { command, args, port, directory } = start;
  const group = startProcessGroup({ command, args, logPath: join(directory, `${name}.log`) });
  const answers = () => tcpAnswers(port, 'GET / HTTP/1.1\r\nhost: x\r\n\r\n', 'HTTP/1.1');
  const isReady = async () => (name === 'node-undici' ? postAnswers(port) : answers());
  await waitUntilReady(name, group, isReady, READY_TIMEOUT_MS);
  return { port, groupId: group.pid, apiKey: 'none', stop: () => group.stop() };
}

/** One process with a data folder of its own. */
async function startBare({ upstreamPort, directory }: Surroundings): Promise<Running> {
  return startLlamp(directory, upstreamPort, {});
}

/** The same with its records in PostgreSQL, its counters in Redis, and limits and prices to ask for each call. */
async function startFull({ upstreamPort, directory, stores }: Surroundings): Promise<Running> {
  if (stores === undefined) throw new Error('llamp-full needs PostgreSQL and Redis');
  const records = await ledger(stores, directory);
  const running = await startLlamp(directory, upstreamPort, records.environment).catch(
    async (error: unknown) => {
      await records.drop();
      throw error;
    },
  );
  await setLimits(running);
  return {
    ...running,
    countRows: records.countRows,
    stop: async () => {
      await running.stop();
      await records.drop();
    },
  };
}

async function startLlamp(
  directory: string,
  upstreamPort: number,
  environment: Readonly<Record<string, string>>,
): Promise<Running> {
  const apiKey = newFirstApiKey();
  const app = await startAppProcess({
    directory,
    environment: {
      LLAMP_BOOTSTRAP_API_KEY: apiKey,
      OPENAI_API_BASE: `http://127.0.0.1:${upstreamPort}/v1`,
      OPENAI_API_KEY: 'upstream',
      ...environment,
    },
  });
  const port = Number(new URL(app.url).port);
  return { port, groupId: app.group.pid, apiKey, stop: app.stop };
}

async function postAnswers(port: number): Promise<boolean> {
  const body = '{"model":"bench-small"}';
  const head = `POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\ncontent-length: ${body.length}`;
  return tcpAnswers(port, `${head}\r\n\r\n${body}`, 'HTTP/1.1 200');
}
