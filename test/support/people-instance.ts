import { randomBytes } from 'node:crypto';
import type { FastifyInstance, InjectOptions } from 'fastify';
import { systemClock } from '../../src/adapters/clock/system.ts';
import { changeStatement } from '../../src/domains/audit/index.ts';
import {
  bootstrap,
  createPasswordHasher,
  createPeople,
  IdentityService,
  identityRoutes,
  jwksRoute,
  type KeyDirectory,
  MemberService,
  openKeyDirectory,
  type PasswordHasher,
  type People,
  type RecordChange,
  type SecurityEvent,
  SetupService,
} from '../../src/domains/identity/index.ts';
import { migrate } from '../../src/domains/ops/migration/index.ts';
import { accountPages } from '../../src/http/pages/account-pages.ts';
import { buildServer } from '../../src/http/server.ts';
import { silentLog } from '../../src/lib/log.ts';
import { createMetrics } from '../../src/lib/metrics.ts';
import { createSecretBox, type SecretBox } from '../../src/lib/secret-box.ts';
import type { Clock } from '../../src/ports/clock.ts';
import type { Database } from '../../src/ports/database.ts';
import type { FreshDatabase } from './fresh-databases.ts';

export const OWNER = { email: 'owner@example.com', password: 'a long enough password' };

/** Time that a test moves, with the delays that it asked for instead of waiting. */
export interface MovableClock extends Clock {
  offsetMs: number;
  readonly delaysMs: number[];
}

export function movableClock(): MovableClock {
  const clock: MovableClock = {
    ...systemClock,
    offsetMs: 0,
    delaysMs: [],
    now: () => new Date(systemClock.now().getTime() + clock.offsetMs),
    // Polls have a signal and wait as they should; what slows an attempt down is noted.
    sleep: async (delayMs, signal) => {
      if (signal !== undefined) return systemClock.sleep(delayMs, signal);
      clock.delaysMs.push(delayMs);
    },
  };
  return clock;
}

export interface Installation {
  readonly database: Database;
  readonly clock: MovableClock;
  readonly box: SecretBox;
  readonly organizationId: string;
  readonly projectId: string;
  readonly ownerId: string;
  readonly apiKey: string;
  dispose(): Promise<void>;
}

/** An installation with one owner, who has a password. */
export async function installPeople(fresh: () => Promise<FreshDatabase>): Promise<Installation> {
  const made = await fresh();
  const database = await made.open();
  await migrate(database, { directory: 'migrations', clock: systemClock, log: silentLog });
  const clock = movableClock();
  const passwords = createPasswordHasher();
  const installed = await bootstrap(
    { database, clock, passwords },
    { adminEmail: OWNER.email, adminPassword: OWNER.password, apiKey: undefined },
  );
  if (!installed.created) throw new Error('the database was not empty');
  const { rows } = await database.execute<{ id: string; organization_id: string }>({
    sql: `select u.id, m.organization_id from users u join organization_members m on m.user_id = u.id`,
    parameters: [],
  });
  return {
    database,
    clock,
    box: createSecretBox(randomBytes(32)),
    organizationId: rows[0]?.organization_id ?? '',
    projectId: installed.projectId,
    ownerId: rows[0]?.id ?? '',
    apiKey: installed.apiKey ?? '',
    dispose: async () => {
      await database.close();
      await made.dispose();
    },
  };
}

export interface PeopleInstance {
  readonly people: People;
  readonly keys: KeyDirectory;
  readonly app: FastifyInstance;
  readonly events: SecurityEvent[];
  call(path: string, options?: CallOptions): Promise<Answer>;
  /** Signs somebody in who has no second factor. */
  signIn(credentials?: { email: string; password: string }): Promise<Tokens>;
  close(): Promise<void>;
}

export interface CallOptions {
  readonly method?: 'GET' | 'POST' | 'DELETE';
  readonly token?: string;
  readonly body?: object;
  readonly headers?: Record<string, string>;
  readonly address?: string;
}

export interface Tokens {
  readonly access_token: string;
  readonly refresh_token: string;
}

export interface Answer {
  readonly status: number;
  readonly headers: Record<string, unknown>;
  readonly json: Record<string, unknown>;
  readonly text: string;
  readonly code: unknown;
}

/** One instance with the real HTTP side, not listening. */
export async function startPeopleInstance(
  { database, clock, box }: Installation,
  options: {
    passwords?: PasswordHasher;
    requireTotp?: boolean;
    publicUrl?: string;
    trustedProxies?: string[];
  } = {},
): Promise<PeopleInstance> {
  const passwords = options.passwords ?? createPasswordHasher();
  const events: SecurityEvent[] = [];
  const recordChange: RecordChange = (changer, change) => changeStatement(clock, changer, change);
  const keys = await openKeyDirectory({ database, clock, log: silentLog });
  const onChange = () => keys.refresh();
  const people = createPeople({
    database,
    clock,
    log: silentLog,
    passwords,
    parties: { issuer: 'llamp:inst_test', audience: 'llamp' },
    box,
    requireTotp: options.requireTotp ?? false,
    publicUrl: options.publicUrl,
    recordChange,
    onChange,
    onSecurityEvent: async (event) => {
      events.push(event);
    },
  });
  await people.signIn.open();
  const identity = new IdentityService({ database, clock, recordChange, onChange });
  const setup = new SetupService({ database, clock, passwords, recordChange, onChange });
  const members = new MemberService({ database, clock, recordChange, onChange });
  const { app } = await buildServer({
    version: '1',
    log: silentLog,
    metrics: createMetrics(),
    authenticate: (credential, projectId) =>
      credential.startsWith('eyJ')
        ? people.signIn.authenticate(credential, projectId)
        : keys.authenticate(credential),
    health: { results: async () => [] },
    isDraining: () => false,
    completeSetup: (input) => setup.completeSetup(input),
    domains: [
      {
        plugin: (scope) => identityRoutes(scope, { identity, setup, members }),
        prefixes: ['/api/v1'],
      },
      { plugin: (scope) => people.routes(scope), prefixes: ['/api/v1'] },
      { plugin: (scope) => accountPages(scope, people), prefixes: [''] },
      { plugin: (scope) => jwksRoute(scope, people), prefixes: [''] },
    ],
    config: {
      trustedProxies: options.trustedProxies ?? [],
      publicUrl: options.publicUrl,
      bodyMaxBytes: 65_536,
      fileMaxBytes: 65_536,
    },
  });
  const call = caller(app);
  return {
    people,
    keys,
    app,
    events,
    call,
    signIn: async (credentials = OWNER) => {
      const answer = await call('/api/v1/auth/sign-in', { body: credentials });
      if (answer.status !== 200) throw new Error(`sign-in answered ${answer.text}`);
      return answer.json as unknown as Tokens;
    },
    close: async () => {
      await app.close();
      await people.signIn.close();
      await keys.close();
    },
  };
}

function caller(app: FastifyInstance) {
  return async (path: string, options: CallOptions = {}): Promise<Answer> => {
    const { body, token, address, headers = {} } = options;
    const method = options.method ?? (body === undefined ? 'GET' : 'POST');
    const request: InjectOptions = {
      method,
      url: path,
      headers: { ...headers, ...(token === undefined ? {} : { authorization: `Bearer ${token}` }) },
      ...(body === undefined ? {} : { payload: body }),
      ...(address === undefined ? {} : { remoteAddress: address }),
    };
    const answer = await app.inject(request);
    const isJson = String(answer.headers['content-type']).includes('json');
    const json = isJson ? answer.json<Record<string, unknown>>() : {};
    const code = (json['error'] as { code?: unknown } | undefined)?.code;
    return { status: answer.statusCode, headers: answer.headers, json, text: answer.body, code };
  };
}
