import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type NginxOptions, type RunningNginx, startNginx } from './nginx.ts';

/** An instance that a test scripts itself. */
export interface ScriptedInstance {
  readonly address: string;
  readonly server: Server;
  /** Requests that reached it. */
  readonly seen: IncomingMessage[];
}

export type InstanceAnswer = (request: IncomingMessage, response: ServerResponse) => void;

/** Scripted instances and an Nginx on the shipped configuration in front of them. */
export interface NginxStage {
  readonly directory: string;
  instance(answer?: InstanceAnswer): Promise<ScriptedInstance>;
  nginx(instances: ScriptedInstance[], options?: Partial<NginxOptions>): Promise<RunningNginx>;
  /** Something else to undo between two tests. */
  onClear(undo: () => Promise<unknown> | unknown): void;
  /** Stops everything that the last test started. */
  clear(): Promise<void>;
  remove(): Promise<void>;
}

const sayOk: InstanceAnswer = (_request, response) => response.end('ok');

export async function createNginxStage(path: string): Promise<NginxStage> {
  const directory = await mkdtemp(join(tmpdir(), 'llamp-nginx-'));
  const undos: (() => Promise<unknown> | unknown)[] = [];
  return {
    directory,
    instance: async (answer = sayOk) => {
      const instance = await startScriptedInstance(answer);
      undos.push(() => {
        instance.server.closeAllConnections();
        instance.server.close();
      });
      return instance;
    },
    nginx: async (instances, options = {}) => {
      const running = await startNginx({
        path,
        directory: await mkdtemp(join(directory, 'run-')),
        instances: instances.map(({ address }) => address),
        ...options,
      });
      undos.push(running.stop);
      return running;
    },
    onClear: (undo) => void undos.push(undo),
    clear: async () => {
      for (const undo of undos.splice(0).toReversed()) await undo();
    },
    remove: () => rm(directory, { recursive: true, force: true }),
  };
}

async function startScriptedInstance(answer: InstanceAnswer): Promise<ScriptedInstance> {
  const seen: IncomingMessage[] = [];
  const server = createServer((request, response) => {
    seen.push(request);
    answer(request, response);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return { address: `127.0.0.1:${(server.address() as AddressInfo).port}`, server, seen };
}
