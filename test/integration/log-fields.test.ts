import { readFileSync, rmSync } from 'node:fs';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { preparedDataFolder } from '../support/prepared-data-folder.ts';
import { startEmbedded } from '../support/servers/embedded.ts';
import type { Installation } from '../support/servers/installation.ts';

interface Template {
  template: { mappings: { properties: Record<string, { type: string }> } };
}

type Line = Readonly<Record<string, unknown>>;

const ALWAYS = [
  '@timestamp',
  'ecs.version',
  'log.level',
  'message',
  'process.pid',
  'service.name',
  'service.node.name',
  'service.version',
];
const { properties } = (
  JSON.parse(readFileSync('deployments/monitoring/logs/index-template.json', 'utf8')) as Template
).template.mappings;

let installation: Installation;
let dataDirectory: string;
let lines: Line[];

beforeAll(async () => {
  dataDirectory = await preparedDataFolder('log-fields');
  // An upstream that is away makes warnings.
  const upstream = { baseUrl: 'http://127.0.0.1:1/v1' };
  installation = await startEmbedded({ dataDirectory, upstream });
  const { url, apiKey } = installation;
  const [app] = installation.instances;
  const ask = (path: string, init: RequestInit = {}) =>
    fetch(url + path, {
      ...init,
      headers: { authorization: `Bearer ${apiKey}`, 'content-type': 'application/json' },
    }).then((answer) => answer.text());
  await ask('/v1/models');
  await ask('/v1/nothing?secret=1');
  await ask('/v1/chat/completions', { method: 'POST', body: '{"model":"x","messages":[]}' });
  await ask('/v1/chat/completions', { method: 'POST', body: '{broken' });
  await app?.stop();
  lines = readFileSync(app?.logPath ?? '', 'utf8')
    .split('\n')
    .filter((line) => line.startsWith('{'))
    .map((line) => JSON.parse(line) as Line);
});
afterAll(async () => {
  await installation?.stop();
  rmSync(dataDirectory, { recursive: true, force: true });
});

test('OP-7 each line has what ECS asks for, and the request id joins them', () => {
  expect(lines.length).toBeGreaterThan(4);
  for (const line of lines) expect(Object.keys(line)).toEqual(expect.arrayContaining(ALWAYS));
  const access = lines.filter((line) => line['event.dataset'] === 'llamp.access');
  expect(access.map((line) => line['http.response.status_code'])).toEqual(
    expect.arrayContaining([200, 404, 400]),
  );
  for (const line of access) expect(line['http.request.id']).toMatch(/\S/);
  expect(JSON.stringify(lines)).not.toContain('secret=1');
});

test('OP-7 each line fits the index template', () => {
  for (const line of lines) {
    for (const [name, value] of Object.entries(line)) {
      const type = properties[name]?.type;
      if (type !== undefined && value !== null)
        expect(fits(type, value), `${name}: ${JSON.stringify(value)} is no ${type}`).toBe(true);
    }
  }
});

// Elasticsearch drops a whole line when one of its names is a value here and the beginning of other names there.
test('OP-7 no name of a field is the beginning of another one', () => {
  const names = new Set([
    ...lines.flatMap((line) => Object.keys(line)),
    ...Object.keys(properties),
  ]);
  const clashes = [...names].filter((name) =>
    [...names].some((other) => other.startsWith(`${name}.`)),
  );
  expect(clashes).toEqual([]);
});

function fits(type: string, value: unknown): boolean {
  if (type === 'long') return Number.isInteger(value);
  if (type === 'double') return typeof value === 'number';
  if (type === 'date') return !Number.isNaN(Date.parse(String(value)));
  if (type === 'ip') return /^[0-9a-f.:]+$/i.test(String(value));
  return typeof value === 'string';
}
