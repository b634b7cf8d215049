import { setTimeout as pause } from 'node:timers/promises';
import { type Application, openApplication } from '../../../src/application.ts';
import { loadConfig } from '../../../src/config/load.ts';
import { doctorContext } from '../../../src/doctor-context.ts';
import { CHECKS, type CheckReport, runChecks } from '../../../src/domains/ops/doctor/index.ts';
import { silentLog } from '../../../src/lib/log.ts';
import { probesOfServer } from '../../../src/open-probes.ts';
import { createContext, migrateDatabase, openStores } from '../../../src/runtime.ts';
import { newFirstApiKey } from '../servers/first-api-key.ts';
import type { DataFault, DataPlace } from './data-faults.ts';
import type { Change } from './fault.ts';

/** A platform in this process with one file that is stored and searched. */
export interface InstalledPlatform {
  readonly url: string;
  readonly apiKey: string;
  readonly place: DataPlace;
  examine(change?: Change): Promise<CheckReport[]>;
  /** The report while a fault is there. */
  examineWith(fault: DataFault): Promise<CheckReport[]>;
  close(): Promise<void>;
}

const CONTENT = Buffer.from('The moon has mountains and craters, and no air at all.\n');

export async function installPlatform(
  env: Readonly<Record<string, string>>,
): Promise<InstalledPlatform> {
  const apiKey = newFirstApiKey();
  const config = loadConfig({
    LLAMP_PORT: '0',
    LLAMP_WORKERS: '1',
    LLAMP_BOOTSTRAP_API_KEY: apiKey,
    ...env,
  });
  const context = createContext(config, silentLog);
  if (config.database !== undefined) await migrateDatabase(context);
  const stores = await openStores(context, 'server');
  const application = await openApplication(stores, context, '1');
  const { url } = await application.listen();
  const blobKey = await storeOneFile(url, apiKey);
  const place: DataPlace = { stores, blobKey, content: CONTENT, repair: () => repair(application) };
  const examine = async (change: Change = {}) => {
    const { probes, close } = probesOfServer(config, stores);
    const given = {
      env: { ...env, ...change.env },
      clock: change.clock ?? context.clock,
      probes: { ...probes, ...change.probes },
      folder: { state: 'ours' as const },
      options: change.options,
    };
    try {
      return await runChecks(CHECKS, doctorContext(config, given));
    } finally {
      await close();
    }
  };
  return {
    url,
    apiKey,
    place,
    examine,
    examineWith: async (fault) => {
      const change = await fault.seed(place);
      try {
        return await examine(change);
      } finally {
        await fault.undo?.(place);
      }
    },
    close: async () => {
      await application.drain.drain();
    },
  };
}

async function repair({ knowledge: { service } }: Application): Promise<void> {
  for (const collection of await service.listCollections())
    await service.repairCollection(collection, AbortSignal.timeout(30_000));
}

/** Uploads a file, and waits until searches find it. */
export async function storeOneFile(url: string, apiKey: string): Promise<string> {
  const headers = { authorization: `Bearer ${apiKey}` };
  const form = new FormData();
  form.set('purpose', 'assistants');
  form.set('file', new Blob([CONTENT]), 'moon.txt');
  const file = await answerOf(`${url}/v1/files`, { method: 'POST', headers, body: form });
  const json = (body: object) => ({
    method: 'POST',
    headers: { ...headers, 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });
  const store = await answerOf(`${url}/v1/vector_stores`, json({ file_ids: [file['id']] }));
  const path = `${url}/v1/vector_stores/${store['id']}/files/${file['id']}`;
  const endMs = performance.now() + 60_000;
  while ((await answerOf(path, { headers }))['status'] !== 'completed') {
    if (performance.now() > endMs) throw new Error('the file was not ingested');
    await pause(50);
  }
  return `files/${file['id']}`;
}

async function answerOf(url: string, init: RequestInit): Promise<Record<string, unknown>> {
  const answer = await fetch(url, init);
  const text = await answer.text();
  if (!answer.ok) throw new Error(`${url} answers ${answer.status}: ${text}`);
  return JSON.parse(text) as Record<string, unknown>;
}
