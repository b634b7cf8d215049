import { expect } from 'vitest';
import { call } from '../../acceptance/api-client.ts';
import { type Ended, runLlamp, until } from '../../acceptance/llamp-process.ts';
import type { Installation } from './installation.ts';

const BACKUP_TIMEOUT_MS = 120_000;

/** A recovery key and a folder for backups, as an operator makes them. */
export async function backupPlace(directory: string) {
  const identity = `${directory}/recovery-key.txt`;
  const made = await runLlamp(['backup', 'keygen', identity, '--json'], {});
  expect(made).toMatchObject({ code: 0 });
  const { recipient } = JSON.parse(made.stdout) as { recipient: string };
  const target = `${directory}/backups`;
  const variables = { LLAMP_BACKUP_TARGETS: target, LLAMP_BACKUP_RECIPIENT: recipient };
  return { identity, target, variables };
}

export type BackupPlace = Awaited<ReturnType<typeof backupPlace>>;

/** `llamp backup …` on an archive; its lines of JSON. Fails the test unless it ends with `code`. */
export async function backupCommand(
  args: readonly string[],
  { target }: Pick<BackupPlace, 'target'>,
  variables: Readonly<Record<string, string>> = {},
  code = 0,
): Promise<{ lines: Record<string, unknown>[]; ended: Ended }> {
  const all = ['backup', ...args, '--target', target, '--json'];
  const ended = await runLlamp(all, variables, BACKUP_TIMEOUT_MS);
  expect(ended.code, `${all.join(' ')}\n${ended.stdout}\n${ended.stderr}`).toBe(code);
  const lines = ended.stdout.split('\n').filter((line) => line.startsWith('{'));
  return { lines: lines.map((line) => JSON.parse(line) as Record<string, unknown>), ended };
}

/** Proves a backup at level 3 with the recovery key alone. */
export async function expectWhole(place: BackupPlace, id: string): Promise<void> {
  const { lines } = await backupCommand(['verify', id, '--identity', place.identity], place);
  expect(lines.at(-1)).toMatchObject({ event: 'verified', id, level: 3, findings: [] });
}

/** Asks the running server for a backup and waits for its end. */
export async function backupByServer({ url, apiKey: key }: Installation): Promise<string> {
  const runs = async () => {
    const answer = await call(url, { path: '/api/v1/backups', key });
    expect(answer.status, answer.text).toBe(200);
    return answer.json['data'] as { id: string; state: string; error: string; backup_id: string }[];
  };
  const before = new Set((await runs()).map(({ id }) => id));
  const asked = await call(url, { method: 'POST', path: '/api/v1/backups', key, json: {} });
  expect(asked.status, asked.text).toBe(202);
  const run = await until(
    async () => (await runs()).find(({ id, state }) => !before.has(id) && state !== 'running'),
    BACKUP_TIMEOUT_MS,
  );
  expect(run, run.error).toMatchObject({ state: 'succeeded' });
  return run.backup_id;
}

/** Ids and texts that each vector store finds, for comparison between two installations. */
export async function searchEverything({ url, apiKey: key }: Pick<Installation, 'url' | 'apiKey'>) {
  const stores = await call(url, { path: '/v1/vector_stores?limit=100', key });
  const found: Record<string, unknown> = {};
  for (const { id } of stores.json['data'] as { id: string }[]) {
    const answer = await call(url, {
      path: `/v1/vector_stores/${id}/search`,
      key,
      json: { query: 'ledger entry', max_num_results: 5 },
    });
    expect(answer.status, answer.text).toBe(200);
    found[id] = answer.json['data'];
  }
  return found;
}

/** Every file that is listed can be read. */
export async function expectNothingDangling({
  url,
  apiKey: key,
}: Pick<Installation, 'url' | 'apiKey'>): Promise<number> {
  let after = '';
  let count = 0;
  for (;;) {
    const page = await call(url, { path: `/v1/files?limit=100${after}`, key });
    const files = page.json['data'] as { id: string; bytes: number }[];
    for (const { id, bytes } of files) {
      const content = await call(url, { path: `/v1/files/${id}/content`, key });
      expect(content.status, `file ${id}`).toBe(200);
      expect(Buffer.byteLength(content.text)).toBe(bytes);
      count += 1;
    }
    if (page.json['has_more'] !== true) return count;
    after = `&after=${files.at(-1)?.id}`;
  }
}
