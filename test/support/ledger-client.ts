import { createHash, randomBytes } from 'node:crypto';

const GROWTH_TIMEOUT_MS = 60_000;

/**
 * Writes through the public API as fast as it is answered and keeps a ledger of everything that was acknowledged.
 * Afterwards `losses` asks for each entry and names what is gone.
 */
export class LedgerClient {
  readonly #apiKey: string;
  readonly #chatModel: string;
  readonly #keys: { id: string; secret: string }[] = [];
  readonly #files: { id: string; sha256: string }[] = [];
  readonly #attached: { storeId: string; fileId: string }[] = [];
  readonly #requestIds: string[] = [];

  constructor(options: { apiKey: string; chatModel: string }) {
    this.#apiKey = options.apiKey;
    this.#chatModel = options.chatModel;
  }

  get acknowledged(): { keys: number; files: number; attached: number; usage: number } {
    return {
      keys: this.#keys.length,
      files: this.#files.length,
      attached: this.#attached.length,
      usage: this.#requestIds.length,
    };
  }

  /** Resolves when every kind of write was acknowledged at least once more since the call. */
  async untilEachKindGrew(): Promise<void> {
    const before = this.acknowledged;
    const deadline = Date.now() + GROWTH_TIMEOUT_MS;
    const hasGrown = () => {
      const now = this.acknowledged;
      return (Object.keys(now) as (keyof typeof now)[]).every((kind) => now[kind] > before[kind]);
    };
    while (!hasGrown()) {
      if (Date.now() > deadline) throw new Error('the server does not acknowledge writes');
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  }

  /** Writes of every kind at once until `signal` aborts; a request that fails is simply not acknowledged. */
  async writeUntil(url: string, signal: AbortSignal): Promise<void> {
    const repeat = async (write: (url: string) => Promise<void>) => {
      while (!signal.aborted) await write(url).catch(() => undefined);
    };
    await Promise.all([
      repeat((at) => this.#writeKey(at)),
      repeat((at) => this.#writeFile(at)),
      repeat((at) => this.#writeVectorStoreFile(at)),
      repeat((at) => this.#writeUsage(at)),
      repeat((at) => this.#writeUsage(at)),
    ]);
  }

  /** What was acknowledged and cannot be found any more, one line each. */
  async losses(url: string): Promise<string[]> {
    return [
      ...(await eachOf(this.#keys, (key) => this.#lostKey(url, key))),
      ...(await eachOf(this.#files, (file) => this.#lostFile(url, file))),
      ...(await eachOf(this.#attached, (entry) => this.#lostAttachment(url, entry))),
      ...(await this.#lostUsage(url)),
    ].filter((line) => line !== undefined);
  }

  async #writeKey(url: string): Promise<void> {
    const name = `key ${randomBytes(6).toString('hex')}`;
    const key = await this.#json(url, 'POST', '/api/v1/keys', { name, scopes: ['inference'] });
    this.#keys.push({ id: String(key['id']), secret: String(key['key']) });
  }

  async #writeFile(url: string): Promise<void> {
    this.#files.push(await this.#upload(url));
  }

  async #writeVectorStoreFile(url: string): Promise<void> {
    const file = await this.#upload(url);
    this.#files.push(file);
    const store = await this.#json(url, 'POST', '/v1/vector_stores', { name: 'ledger' });
    const storeId = String(store['id']);
    await this.#json(url, 'POST', `/v1/vector_stores/${storeId}/files`, { file_id: file.id });
    this.#attached.push({ storeId, fileId: file.id });
  }

  async #writeUsage(url: string): Promise<void> {
    const answer = await fetch(`${url}/v1/chat/completions`, {
      method: 'POST',
      headers: { ...this.#headers(), 'content-type': 'application/json' },
      body: JSON.stringify({
        model: this.#chatModel,
        messages: [{ role: 'user', content: 'count me' }],
      }),
    });
    const requestId = answer.headers.get('x-request-id');
    await answer.arrayBuffer();
    if (answer.status === 200 && requestId !== null) this.#requestIds.push(requestId);
  }

  async #upload(url: string): Promise<{ id: string; sha256: string }> {
    const bytes = Buffer.from(`ledger entry ${randomBytes(400).toString('hex')}`);
    const form = new FormData();
    form.set('purpose', 'assistants');
    form.set('file', new Blob([bytes]), 'entry.txt');
    const answer = await fetch(`${url}/v1/files`, {
      method: 'POST',
      headers: this.#headers(),
      body: form,
    });
    if (answer.status !== 200) throw new Error(`upload answered ${answer.status}`);
    const { id } = (await answer.json()) as { id: string };
    return { id, sha256: sha256(bytes) };
  }

  async #lostKey(url: string, key: { id: string; secret: string }): Promise<string | undefined> {
    const listed = await this.#status(url, `/api/v1/keys/${key.id}`, this.#apiKey);
    const usable = await this.#status(url, '/v1/models', key.secret);
    return listed === 200 && usable === 200 ? undefined : `key ${key.id}: ${listed}, ${usable}`;
  }

  async #lostFile(url: string, file: { id: string; sha256: string }): Promise<string | undefined> {
    const answer = await fetch(`${url}/v1/files/${file.id}/content`, { headers: this.#headers() });
    const bytes = Buffer.from(await answer.arrayBuffer());
    return answer.status === 200 && sha256(bytes) === file.sha256
      ? undefined
      : `file ${file.id}: ${answer.status}`;
  }

  async #lostAttachment(
    url: string,
    entry: { storeId: string; fileId: string },
  ): Promise<string | undefined> {
    const path = `/v1/vector_stores/${entry.storeId}/files/${entry.fileId}`;
    const deadline = Date.now() + 120_000;
    for (;;) {
      const object = await this.#json(url, 'GET', path).catch((error: unknown) => ({
        status: String(error),
      }));
      if (object['status'] === 'completed') return undefined;
      const isWaiting = object['status'] === 'in_progress' && Date.now() < deadline;
      if (!isWaiting) return `vector store file ${path}: ${JSON.stringify(object)}`;
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }

  async #lostUsage(url: string): Promise<string[]> {
    const deadline = Date.now() + 30_000;
    for (;;) {
      const seen = await this.#usageRequestIds(url);
      const lost = this.#requestIds.filter((id) => !seen.has(id));
      if (lost.length === 0 || Date.now() > deadline)
        return lost.map((id) => `usage of request ${id}`);
      await new Promise((resolve) => setTimeout(resolve, 250));
    }
  }

  async #usageRequestIds(url: string): Promise<Set<string>> {
    const seen = new Set<string>();
    let after = '';
    for (;;) {
      const page = await this.#json(url, 'GET', `/api/v1/usage?limit=100${after}`);
      const records = page['data'] as { id: string; request_id: string }[];
      for (const record of records) {
        const isOurs = this.#requestIds.includes(record.request_id);
        if (isOurs && seen.has(record.request_id))
          throw new Error(`two usage records for ${record.request_id}`);
        seen.add(record.request_id);
      }
      if (page['has_more'] !== true) return seen;
      after = `&after=${records.at(-1)?.id}`;
    }
  }

  async #json(
    url: string,
    method: string,
    path: string,
    body?: object,
  ): Promise<Record<string, unknown>> {
    const answer = await fetch(url + path, {
      method,
      headers: { ...this.#headers(), ...(body ? { 'content-type': 'application/json' } : {}) },
      ...(body ? { body: JSON.stringify(body) } : {}),
    });
    const text = await answer.text();
    if (answer.status >= 300)
      throw new Error(`${method} ${path} answered ${answer.status}: ${text}`);
    return JSON.parse(text) as Record<string, unknown>;
  }

  async #status(url: string, path: string, key: string): Promise<number> {
    const answer = await fetch(url + path, { headers: { authorization: `Bearer ${key}` } });
    await answer.arrayBuffer();
    return answer.status;
  }

  #headers(): Record<string, string> {
    return { authorization: `Bearer ${this.#apiKey}` };
  }
}

function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}

const READERS = 8;

/** A few at a time: hundreds of reads at once are turned away by a server that has just started, and rightly so. */
async function eachOf<T, R>(items: readonly T[], read: (item: T) => Promise<R>): Promise<R[]> {
  const results: R[] = [];
  const queue = items.entries();
  const reader = async () => {
    for (const [at, item] of queue) results[at] = await read(item);
  };
  await Promise.all(Array.from({ length: READERS }, reader));
  return results;
}
