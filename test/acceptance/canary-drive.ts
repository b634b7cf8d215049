import { randomBytes } from 'node:crypto';
import { type Canary, newCanary, type Sink } from '../support/canary/canary.ts';
import { ECHO_MODELS, type EchoingUpstream } from '../support/canary/echoing-upstream.ts';
import type { Installation } from '../support/servers/installation.ts';
import { type Answer, type Call, call } from './api-client.ts';

export interface Planted {
  readonly canaries: readonly Canary[];
  /** What was answered, each under the name of what was asked. */
  readonly answers: readonly Sink[];
}

export interface Secrets {
  readonly email: string;
  readonly upstreamKey: Canary;
  readonly masterKey: Canary;
  readonly password: Canary;
  readonly providerCredential: Canary;
  readonly prompt: Canary;
  readonly fileText: Canary;
}

export function newSecrets(): Secrets {
  return {
    email: 'canary@example.com',
    upstreamKey: newCanary('upstream key'),
    masterKey: { name: 'master key', value: randomBytes(32).toString('base64') },
    password: newCanary('password'),
    providerCredential: newCanary('provider credential'),
    prompt: newCanary('prompt'),
    fileText: newCanary('file text'),
  };
}

/** Does everything that handles a secret, right and wrong, and keeps what was answered. */
export class CanaryDrive {
  readonly #installation: Installation;
  readonly #secrets: Secrets;
  readonly #answers: Sink[] = [];
  readonly #made: Canary[] = [];

  constructor(installation: Installation, secrets: Secrets) {
    this.#installation = installation;
    this.#secrets = secrets;
  }

  async run(upstream: EchoingUpstream): Promise<Planted> {
    await this.#keys();
    await this.#signIn();
    await this.#providers(upstream);
    for (const model of ECHO_MODELS) await this.#inference(model, 'environment');
    for (const model of ['canary-chat', 'canary-anthropic'])
      await this.#inference(model, 'provider');
    await this.#knowledge();
    await this.#mistakes();
    for (const path of ['/api/v1/audit?limit=100', '/api/v1/audit/export', '/metrics'])
      await this.ask(path, { path });
    for (const path of ['/health', '/openapi.json', '/api/v1/usage?limit=100'])
      await this.ask(path, { path });
    return { canaries: this.#made, answers: this.#answers };
  }

  /** Sends a request and keeps the whole answer under `name`. */
  async ask(name: string, request: Call): Promise<Answer> {
    const { url, apiKey: key } = this.#installation;
    const answer = await call(url, { key, ...request });
    const bytes = Buffer.from(`${JSON.stringify(answer.headers)}\n${answer.text}`);
    this.#answers.push({ name: `answer:${name}`, bytes });
    return answer;
  }

  #keep(name: string, value: unknown): string {
    this.#made.push({ name, value: String(value) });
    return String(value);
  }

  async #keys(): Promise<void> {
    const json = { name: 'canary', scopes: ['inference', 'knowledge'] };
    const made = await this.ask('a new key', { path: '/api/v1/keys', json });
    this.#keep('created key', made.json['key']);
    const id = String(made.json['id']);
    const rotate = { method: 'POST', path: `/api/v1/keys/${id}/rotate`, json: {} };
    const rotated = await this.ask('a rotated key', rotate);
    const key = this.#keep('rotated key', rotated.json['key']);
    await this.ask('the list of keys', { path: '/api/v1/keys?limit=100' });
    await this.ask('a key', { path: `/api/v1/keys/${id}` });
    await this.ask('me', { path: '/api/v1/me', key });
    await this.ask('too little scope', { path: '/api/v1/keys', key });
    await this.ask('a revoked key', { method: 'DELETE', path: `/api/v1/keys/${id}` });
    await this.ask('a key that is revoked', { path: '/api/v1/me', key: String(made.json['key']) });
    const unknown = this.#keep('unknown key', newCanary('unknown key').value);
    for (const header of ['authorization', 'x-api-key', 'api-key'])
      await this.ask(`an unknown key in ${header}`, {
        path: '/v1/models',
        key: undefined,
        headers: { [header]: header === 'authorization' ? `Bearer ${unknown}` : unknown },
      });
  }

  async #signIn(): Promise<void> {
    const { email, password } = this.#secrets;
    const wrong = this.#keep('wrong password', newCanary('wrong password').value);
    const at = (path: string, json: object) => ({ path: `/api/v1/auth/${path}`, json });
    await this.ask('a wrong password', at('sign-in', { email, password: wrong }));
    await this.ask('an unknown address', at('sign-in', { email: 'a@b.c', password: wrong }));
    await this.ask(
      'a field too many',
      at('sign-in', { email, password: password.value, [wrong]: 1 }),
    );
    const session = await this.ask('a session', at('sign-in', { email, password: password.value }));
    const token = this.#keep('access token', session.json['access_token']);
    const refresh = this.#keep('refresh token', session.json['refresh_token']);
    await this.ask('me by token', { path: '/api/v1/me', key: token });
    await this.ask('me by a changed token', { path: '/api/v1/me', key: `${token}x` });
    const next = await this.ask('a refreshed session', at('refresh', { refresh_token: refresh }));
    this.#keep('second access token', next.json['access_token']);
    const second = this.#keep('second refresh token', next.json['refresh_token']);
    await this.ask('an unknown session', at('refresh', { refresh_token: `${second}x` }));
    await this.ask('the end of a session', at('sign-out', { refresh_token: second }));
    await this.ask('a session that ended', at('refresh', { refresh_token: second }));
    const setup = { token: wrong, email, name: 'n', password: password.value };
    await this.ask('an unknown link', { path: '/api/v1/setup', json: setup });
  }

  async #providers({ baseUrl }: EchoingUpstream): Promise<void> {
    const credential = { api_key: this.#secrets.providerCredential.value };
    for (const kind of ['openai-compatible', 'anthropic']) {
      const name = kind === 'anthropic' ? 'canary-anthropic' : 'canary-chat';
      const json = { name, kind, base_url: baseUrl, credential };
      const provider = await this.ask(`a provider ${kind}`, { path: '/api/v1/providers', json });
      const path = `/api/v1/providers/${provider.json['id']}`;
      await this.ask('the provider', { path });
      await this.ask('the provider changed', { method: 'PATCH', path, json: { credential } });
      await this.ask('the provider tested', { method: 'POST', path: `${path}/test` });
      const deployment = { name, provider: name, upstream_model: 'echo-500' };
      await this.ask('a deployment', { path: '/api/v1/deployments', json: deployment });
      const model = { name, deployments: [{ deployment: name }] };
      await this.ask('a model', { path: '/api/v1/models', json: model });
    }
    await this.ask('the providers', { path: '/api/v1/providers?limit=100' });
    const inner = { name: 'x', kind: 'azure', base_url: 'http://10.0.0.1/v1', credential };
    await this.ask('a provider that is refused', { path: '/api/v1/providers', json: inner });
    const odd = { name: 'x', kind: 'azure', credential: [credential] };
    await this.ask('a credential of a wrong type', { path: '/api/v1/providers', json: odd });
  }

  /** What comes back to whoever sent the prompt may quote it, but not our credential. */
  async #inference(model: string, whose: string): Promise<void> {
    const messages = [{ role: 'user', content: this.#secrets.prompt.value }];
    const prompt = `${whose} ${model}`;
    for (const stream of [false, true]) {
      const kind = stream ? 'stream' : 'whole';
      const chat = { model, messages, stream };
      await this.ask(`prompt ${kind} ${prompt}`, { path: '/v1/chat/completions', json: chat });
      const message = { model, messages, stream, max_tokens: 5 };
      await this.ask(`prompt message ${kind} ${prompt}`, { path: '/v1/messages', json: message });
    }
    const input = this.#secrets.prompt.value;
    await this.ask(`prompt embedding ${prompt}`, {
      path: '/v1/embeddings',
      json: { model, input },
    });
    await this.ask(`prompt moderation ${prompt}`, {
      path: '/v1/moderations',
      json: { model, input },
    });
  }

  async #knowledge(): Promise<void> {
    const text = `A note. ${this.#secrets.fileText.value} stands in it.`;
    const upload = { path: '/v1/files', ...form(text) };
    const file = await this.ask('an upload', upload);
    const json = { name: 'canary', file_ids: [file.json['id']] };
    const store = await this.ask('a vector store', { path: '/v1/vector_stores', json });
    const path = `/v1/vector_stores/${store.json['id']}`;
    await completed(() => this.ask('the vector store', { path }));
    const query = { query: 'which note', rewrite_query: false };
    await this.ask('file text found', { path: `${path}/search`, json: query });
    await this.ask('file text whole', { path: `/v1/files/${file.json['id']}/content` });
    await this.ask('a wrong search', { path: `${path}/search`, json: { query: 7 } });
  }

  async #mistakes(): Promise<void> {
    const { prompt } = this.#secrets;
    const headers = { 'content-type': 'application/json' };
    const path = '/v1/chat/completions';
    await this.ask('prompt cut', { path, body: `{"messages":["${prompt.value}`, headers });
    const unknown = { model: 'no-such-model', messages: [{ role: 'user', content: prompt.value }] };
    await this.ask('prompt to an unknown model', { path, json: unknown });
    const odd = { model: 'echo-200', messages: [{ role: prompt.value, content: 7 }] };
    await this.ask('prompt as a role', { path, json: odd });
  }
}

function form(text: string): Pick<Call, 'body' | 'headers'> {
  const part = (head: string, content: string) =>
    `--b\r\ncontent-disposition: form-data; ${head}\r\n\r\n${content}\r\n`;
  const body = `${part('name="purpose"', 'assistants')}${part('name="file"; filename="note.txt"', text)}--b--\r\n`;
  return { body, headers: { 'content-type': 'multipart/form-data; boundary=b' } };
}

async function completed(ask: () => Promise<Answer>): Promise<void> {
  const deadline = performance.now() + 60_000;
  for (;;) {
    const { json } = await ask();
    if (json['status'] === 'completed') return;
    if (performance.now() > deadline) throw new Error(`not ingested: ${JSON.stringify(json)}`);
    await new Promise((wake) => setTimeout(wake, 100));
  }
}
