import { fastify } from 'fastify';
import { toFile } from 'openai';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { usageRoutes } from '../../src/domains/usage/index.ts';
import type { Database, SqlExecutor, Statement } from '../../src/ports/database.ts';
import {
  type KnowledgePlatform,
  openKnowledgePlatform,
  principalOfKey,
} from '../support/knowledge-platform.ts';

/**
 * As it is; with the first wall, the filters of the queries, switched off; with both off, which shows that the requests
 * of this test would be answered.
 */
type Walls = 'both' | 'second' | 'none';

let walls: Walls = 'both';
let platform: KnowledgePlatform;
const owned = { file: '', store: '', batch: '' };

beforeAll(async () => {
  platform = await openKnowledgePlatform({ parserThreads: 1 }, withSwitch);
  const client = platform.client('key-a');
  const file = await client.files.create({
    file: await toFile(Buffer.from('a note of the owner'), 'note.txt'),
    purpose: 'assistants',
  });
  const store = await client.vectorStores.create({ name: 'mine' });
  const interval = { pollIntervalMs: 50 };
  const body = { file_ids: [file.id] };
  const batch = await client.vectorStores.fileBatches.createAndPoll(store.id, body, interval);
  Object.assign(owned, { file: file.id, store: store.id, batch: batch.id });
  await platform.database.executeScript(`
    insert into usage_records (id, project_id, request_id, endpoint, model, deployment, status, streamed, prompt_tokens,
        completion_tokens, cached_tokens, reasoning_tokens, estimated, duration_ms, created_at)
      values ('usage_a', 'proj_a', 'r', 'embeddings', 'm', 'd', 'completed', false, 1, 1, 0, 0, false, 1, now())`);
});

afterAll(async () => {
  await platform?.close();
});

/** The same database, whose queries for a project forget the project as the walls say. */
function withSwitch(database: Database): Database {
  const forProject = (projectId: string) => {
    if (walls === 'both') return database.forProject(projectId);
    const target: SqlExecutor = walls === 'none' ? database : database.forProject(projectId);
    const execute = <Row>(statement: Statement<Row>) => target.execute(unfiltered(statement));
    return { ...database.forProject(projectId), execute };
  };
  return new Proxy(database, {
    get: (port, property) => {
      if (property === 'forProject') return forProject;
      const value: unknown = Reflect.get(port, property, port);
      return typeof value === 'function' ? value.bind(port) : value;
    },
  });
}

function unfiltered<Row>({ sql, parameters }: Statement<Row>): Statement<Row> {
  const filter = /((?:\w+\.)?"?project_id"?) = (\$\d+)/g;
  return { sql: sql.replace(filter, '($1 = $2 or true)'), parameters };
}

const foreignReads = (): [path: string, body?: object][] => {
  const { file, store, batch } = owned;
  return [
    [`/files/${file}`],
    [`/files/${file}/content`],
    [`/files?after=${file}`],
    [`/vector_stores/${store}`],
    [`/vector_stores?after=${store}`],
    [`/vector_stores/${store}/files`],
    [`/vector_stores/${store}/files/${file}`],
    [`/vector_stores/${store}/files/${file}/content`],
    [`/vector_stores/${store}/file_batches/${batch}`],
    [`/vector_stores/${store}/file_batches/${batch}/files`],
    [`/vector_stores/${store}/search`, { query: 'note' }],
  ];
};

/** Status of each read by key, and whether anything of the owner is in the answer. */
async function read(key: string, through: Walls) {
  walls = through;
  const answers: { path: string; status: number; leaks: boolean }[] = [];
  for (const [path, body] of [['/files'], ['/vector_stores'], ...foreignReads()] as const) {
    const answer = await fetch(`${platform.url}/v1${path}`, {
      method: body === undefined ? 'GET' : 'POST',
      headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const text = await answer.text();
    const told = answer.ok ? text : '';
    const leaks = /a note of the owner|"mine"|note\.txt/.test(told) || told.includes(owned.batch);
    answers.push({ path, status: answer.status, leaks });
  }
  walls = 'both';
  return answers;
}

test('ID-2 with the filters of the queries off, the database still shows nothing foreign', async () => {
  for (const { path, status, leaks } of await read('key-b', 'second')) {
    expect({ path, leaks }).toEqual({ path, leaks: false });
    const isList = path === '/files' || path === '/vector_stores';
    const refused = path.includes('after=') ? 400 : 404;
    expect({ path, status }).toEqual({ path, status: isList ? 200 : refused });
  }
});

test('ID-2 the owner sees all of it with the filters off, and a stranger with both walls off', async () => {
  for (const answers of [await read('key-a', 'second'), await read('key-b', 'none')]) {
    expect(answers.map(({ status }) => status)).toEqual(answers.map(() => 200));
    expect(answers.filter(({ leaks }) => leaks).length).toBeGreaterThan(6);
  }
});

test('ID-2 usage of another project stays hidden too', async () => {
  const app = fastify();
  app.decorateRequest('principal', null);
  app.addHook('onRequest', async (request) => {
    request.principal = principalOfKey('key-b');
  });
  await app.register(usageRoutes, { database: withSwitch(platform.database) });
  const lists = async (through: Walls) => {
    walls = through;
    const urls = ['/usage?limit=20', '/usage/summary?group_by=model'];
    const answers = await Promise.all(urls.map((url) => app.inject({ url })));
    walls = 'both';
    return answers.map((answer) => answer.json().data.length);
  };
  expect(await lists('second')).toEqual([0, 0]);
  expect(await lists('none')).toEqual([1, 1]);
  await app.close();
});
