import { execFile } from 'node:child_process';
import { chmod, mkdir, writeFile } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { answering, locate } from './locate.ts';
import { freePort, httpStatus } from './loopback.ts';
import { type ProcessGroup, startProcessGroup, waitUntilReady } from './process-group.ts';
import type { TestServer } from './test-server.ts';

const run = promisify(execFile);
const RENDER = resolve('deployments/nginx/render.sh');
const SERVE = resolve('deployments/nginx/run/serve.sh');

/** The leg is the program itself: each test starts it with its own configuration. */
export const nginxServer: TestServer = {
  leg: 'nginx',
  install: 'apt-get install nginx',
  find: async () => answering(await locate({ name: 'nginx' }), ['-v']),
  start: async ({ path }) => ({ address: path, stop: async () => undefined }),
};

export interface NginxOptions {
  /** The program. */
  readonly path: string;
  readonly directory: string;
  /** `host:port` of each instance behind it. */
  readonly instances: readonly string[];
  /** Folder with tls.crt and tls.key; plain HTTP without it. */
  readonly certsDirectory?: string;
  readonly trustedProxies?: readonly string[];
  /** Values of render.sh, for example `{ REQUESTS_PER_SECOND: '5' }`. The limits are out of the way by default. */
  readonly settings?: Readonly<Record<string, string>>;
}

export interface RunningNginx {
  /** Address without a path; https when there is a certificate. */
  readonly url: string;
  readonly plainUrl: string;
  readonly accessLogPath: string;
  /** Of the rendered configuration. */
  readonly directory: string;
  readonly group: ProcessGroup;
  /** What deployments/nginx/rollout.sh needs to know about this Nginx. */
  readonly rolloutVariables: Readonly<Record<string, string>>;
  reload(): void;
  stop(): Promise<void>;
}

/** Starts Nginx on the shipped configuration; ready when its status page answers. */
export async function startNginx(options: NginxOptions): Promise<RunningNginx> {
  const { path, directory } = options;
  const [plainPort, tlsPort, statusPort] = [await freePort(), await freePort(), await freePort()];
  const ports = { plainPort, tlsPort, statusPort };
  const configurationPath = await renderNginxConfiguration(options, ports);
  const programs = `${dirname(path)}:${process.env['PATH'] ?? ''}`;
  const group = startProcessGroup({
    command: SERVE,
    args: ['-p', directory, '-e', join(directory, 'error.log')],
    env: {
      PATH: programs,
      CONFIGURATION: configurationPath,
      CERTS_DIR: options.certsDirectory ?? directory,
      WATCH_SECONDS: '0.2',
    },
    logPath: join(directory, 'nginx.log'),
  });
  const isReady = async () =>
    (await httpStatus(`http://127.0.0.1:${statusPort}/nginx-status`)) === 200;
  await waitUntilReady('Nginx', group, isReady, 15_000);
  const plainUrl = `http://127.0.0.1:${plainPort}`;
  return {
    url: options.certsDirectory === undefined ? plainUrl : `https://127.0.0.1:${tlsPort}`,
    plainUrl,
    accessLogPath: join(directory, 'access.log'),
    directory,
    group,
    rolloutVariables: {
      ...renderVariables(options, ports),
      PATH: programs,
      CONFIGURATION_DIR: directory,
      PID_FILE: join(directory, 'nginx.pid'),
    },
    reload: () => process.kill(group.pid, 'SIGHUP'),
    stop: group.stop,
  };
}

interface Ports {
  readonly plainPort: number;
  readonly tlsPort: number;
  readonly statusPort: number;
}

/** Fills in the shipped nginx.conf with the script that deployments use, and returns where it was written. */
export async function renderNginxConfiguration(
  options: NginxOptions,
  ports: Ports,
): Promise<string> {
  const { directory, instances } = options;
  await mkdir(directory, { recursive: true });
  // Started by root, its workers run as another user and must reach the temporary folders in here.
  await chmod(directory, 0o711);
  const { stdout } = await run(RENDER, [], {
    timeout: 10_000,
    env: {
      PATH: process.env['PATH'],
      INSTANCES: instances.join(' '),
      ...renderVariables(options, ports),
    },
  });
  const path = join(directory, 'nginx.conf');
  await writeFile(path, stdout);
  return path;
}

function renderVariables(
  { directory, certsDirectory, trustedProxies = [], settings = {} }: NginxOptions,
  ports: Ports,
): Record<string, string> {
  return {
    TRUSTED_PROXIES: trustedProxies.join(' '),
    FLAGS: certsDirectory === undefined ? 'plain' : 'tls http2-parameter',
    CERTS_DIR: certsDirectory ?? '',
    RUN_DIR: directory,
    ACCESS_LOG: join(directory, 'access.log'),
    ERROR_LOG: join(directory, 'error.log'),
    HTTP_LISTEN: `127.0.0.1:${ports.plainPort}`,
    HTTPS_LISTEN: `127.0.0.1:${ports.tlsPort}`,
    HTTPS_PORT: `${ports.tlsPort}`,
    STATUS_PORT: `${ports.statusPort}`,
    REQUESTS_PER_SECOND: '100000',
    REQUEST_BURST: '100000',
    CONNECTIONS_PER_ADDRESS: '10000',
    ...settings,
  };
}
