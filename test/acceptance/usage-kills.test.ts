import { afterAll, beforeAll, expect, test } from 'vitest';
import { describeWithLegs } from '../support/legs.ts';
import {
  type Received,
  type ScriptedProvider,
  startScriptedProvider,
} from '../support/scripted-provider.ts';
import { type Cluster, startCluster } from '../support/servers/cluster.ts';
import { call } from './api-client.ts';
import { until } from './llamp-process.ts';

const KILLS = 20;
const CLIENTS = 16;
const ANSWERS_BETWEEN_KILLS = 100;
const WRITTEN_WITHIN_MS = 60_000;
const TEST_TIMEOUT_MS = 600_000;
const FRAMES = [1, 2, 3, 5, 8, 13, 21, 34];
const MODELS = FRAMES.map((frames) => `scripted:frames=${frames}`);
const NO_LIMITS = {
  REQUESTS_PER_SECOND: '10000',
  REQUEST_BURST: '10000',
  CONNECTIONS_PER_ADDRESS: '1000',
};

interface UsageRow {
  readonly id: string;
  readonly request_id: string;
  readonly status: string;
  readonly prompt_tokens: number;
  readonly completion_tokens: number;
  readonly estimated: boolean;
}

describeWithLegs(
  'GW-8 usage of instances that are killed under load',
  ['postgres', 'redis', 'minio', 'nginx'],
  (addresses) => {
    let upstream: ScriptedProvider;
    let cluster: Cluster;
    beforeAll(async () => {
      upstream = await startScriptedProvider({ models: MODELS });
      cluster = await startCluster({ addresses, upstream, nginxSettings: NO_LIMITS });
    });
    afterAll(async () => {
      await cluster?.stop();
      await upstream?.close();
    });

    test(
      `${KILLS} kills: all that the upstream finished is settled once, with its own count`,
      async () => {
        const acknowledged = await killUnderLoad(cluster);
        const counted = countedByUpstream(upstream.journal);
        const rows = await untilWritten(cluster, new Set([...acknowledged, ...counted.keys()]));
        expect(doubled(rows)).toEqual([]);
        expect(differences(rows, counted)).toEqual([]);
        const interrupted = rows.filter(({ status }) => status === 'interrupted');
        expect(interrupted.filter(({ request_id: id }) => acknowledged.has(id))).toEqual([]);
        expect(interrupted.filter(({ estimated }) => !estimated)).toEqual([]);
        process.stdout.write(
          `upstream finished ${counted.size}, clients got ${acknowledged.size}, settled ${rows.length}, interrupted ${interrupted.length}\n`,
        );
      },
      TEST_TIMEOUT_MS,
    );
  },
);

/** Request ids of the answers that clients got in full. */
async function killUnderLoad({ url, apiKey, instances, kill }: Cluster): Promise<Set<string>> {
  const acknowledged = new Set<string>();
  const stop = new AbortController();
  const clients = Array.from({ length: CLIENTS }, async (_, client) => {
    for (let turn = client; !stop.signal.aborted; turn += 1) {
      const id = await completeAnswer(url, apiKey, turn).catch(() => undefined);
      if (id !== undefined) acknowledged.add(id);
    }
  });
  for (let round = 0; round < KILLS; round += 1) {
    const before = acknowledged.size;
    await until(() => acknowledged.size >= before + ANSWERS_BETWEEN_KILLS || undefined, 60_000);
    await kill(round % instances.length);
    await instances[round % instances.length]?.start();
  }
  stop.abort();
  await Promise.all(clients);
  return acknowledged;
}

async function completeAnswer(url: string, key: string, turn: number): Promise<string | undefined> {
  const stream = turn % 2 === 0;
  const answer = await call(url, {
    path: '/v1/chat/completions',
    key,
    json: {
      model: MODELS[turn % MODELS.length],
      messages: [{ role: 'user', content: 'count me' }],
      stream,
    },
  });
  if (answer.status !== 200) return undefined;
  const whole = stream ? answer.text.includes('data: [DONE]') : 'choices' in answer.json;
  return whole ? answer.requestId : undefined;
}

async function untilWritten(
  { url, apiKey }: Cluster,
  expected: ReadonlySet<string>,
): Promise<UsageRow[]> {
  return await until(async () => {
    const rows = await allUsage(url, apiKey);
    const seen = new Set(rows.map(({ request_id: id }) => id));
    return [...expected].every((id) => seen.has(id)) ? rows : undefined;
  }, WRITTEN_WITHIN_MS);
}

async function allUsage(url: string, key: string): Promise<UsageRow[]> {
  const rows: UsageRow[] = [];
  for (let after = ''; ; after = `&after=${rows.at(-1)?.id}`) {
    const page = await call(url, { path: `/api/v1/usage?limit=100${after}`, key });
    rows.push(...(page.json['data'] as UsageRow[]));
    if (page.json['has_more'] !== true) return rows;
  }
}

/** Completion tokens of every answer that the upstream sent in full, by request id. */
function countedByUpstream(journal: readonly Received[]): Map<string, number> {
  const counted = new Map<string, number>();
  for (const { path, headers, body, ended, abortedMs } of journal) {
    if (path !== '/v1/chat/completions' || !ended || abortedMs !== undefined) continue;
    const { model } = JSON.parse(body.toString('utf8')) as { model: string };
    counted.set(String(headers['x-request-id']), Number(model.split('=')[1]));
  }
  return counted;
}

function doubled(rows: readonly UsageRow[]): string[] {
  const seen = new Set<string>();
  return rows
    .filter(({ request_id: id }) => seen.has(id) || !seen.add(id))
    .map(({ request_id: id }) => id);
}

/** Completed rows that say something else than the upstream, and rows of calls that it never saw. */
function differences(
  rows: readonly UsageRow[],
  counted: ReadonlyMap<string, number>,
): readonly UsageRow[] {
  return rows.filter((row) => {
    if (row.status !== 'completed') return false;
    const exact = row.completion_tokens === counted.get(row.request_id) && row.prompt_tokens === 11;
    return !exact || row.estimated;
  });
}
