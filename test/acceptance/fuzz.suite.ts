import { readFile } from 'node:fs/promises';
import { beforeAll, expect, test } from 'vitest';
import { type Operation, operationsOf } from '../support/fuzz/operations.ts';
import { type FuzzRun, runFuzz } from '../support/fuzz/run-fuzz.ts';
import type { Installation } from '../support/servers/installation.ts';
import { call, chat } from './api-client.ts';
import { knownValues } from './fuzz-surroundings.ts';

// A failed run is repeated with the seed that it prints; another seed finds other things.
const SEED = Number(process.env['FUZZ_SEED'] ?? 20_261_125);
const CONNECTIONS = 8;
// It takes half a minute on two idle cores; how busy they are says nothing about the server.
const RUN_TIMEOUT_MS = 900_000;

/** Requests made from the description of the API, each wrong in some way. */
export function fuzzSuite(installation: () => Installation, inputs: number): void {
  let run: FuzzRun;
  beforeAll(async () => {
    const { url, apiKey: key } = installation();
    const description = await call(url, { path: '/openapi.json' });
    run = {
      origin: url,
      operations: operationsOf(description.json).filter(isFuzzed),
      surroundings: { key, known: await knownValues(url, key) },
      stableCodes: await documentedCodes(),
      seed: SEED,
      inputs: Number(process.env['FUZZ_INPUTS'] ?? inputs),
      connections: CONNECTIONS,
      // A limit or a guardrail that lets nothing through would turn all later calls away at once.
      onAnswer: async ({ method, url: path }, { status, text }) => {
        const [list] = /^\/api\/v1\/(limits|guardrails)\b/.exec(path) ?? [];
        if (method !== 'POST' || status !== 201 || list === undefined) return;
        const { id } = JSON.parse(text) as { id: string };
        await call(url, { method: 'DELETE', path: `${list}/${id}`, key });
      },
    };
  });

  test(`ID-7 ${inputs} generated inputs: no 5xx, no hang, every refusal says what is wrong`, {
    timeout: RUN_TIMEOUT_MS,
  }, async () => {
    expect(run.operations.length).toBeGreaterThan(90);
    const { byStatus, faults, sent } = await runFuzz(run);
    expect(faults.join('\n\n'), JSON.stringify(byStatus)).toBe('');
    expect(sent).toBe(run.inputs);
    // The mix must get past the first checks, or it shows nothing.
    for (const status of ['200', '201', '400', '401', '404', '405', '415'])
      expect(byStatus[status] ?? 0, `${status} of ${JSON.stringify(byStatus)}`).toBeGreaterThan(0);
    expect((byStatus['200'] ?? 0) / sent).toBeGreaterThan(0.05);
  });

  test('ID-7 the server then works as before', async () => {
    const { url, apiKey: key } = installation();
    expect((await call(url, { path: '/health/ready' })).status).toBe(200);
    const answer = await chat({ url, key, model: 'scripted-chat' });
    expect(answer.status, answer.text).toBe(200);
  });
}

// It looks for servers of models on this machine: what it finds is not ours.
const isFuzzed = ({ path }: Operation) => path !== '/api/v1/providers/detect';

async function documentedCodes(): Promise<Set<string>> {
  const text = await readFile('docs/errors.md', 'utf8');
  return new Set([...text.matchAll(/^\| `([a-z_]+)` \|/gm)].map(([, code = '']) => code));
}
