import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { systemClock } from '../../src/adapters/clock/system.ts';
import {
  bootstrap,
  createPasswordHasher,
  type SecurityEvent,
  SessionService,
} from '../../src/domains/identity/index.ts';
import { migrate } from '../../src/domains/ops/migration/index.ts';
import { silentLog } from '../../src/lib/log.ts';
import type { Clock } from '../../src/ports/clock.ts';
import type { Database } from '../../src/ports/database.ts';
import { type FreshDatabase, freshPglite, freshPostgres } from '../support/fresh-databases.ts';
import { describeWithLegs } from '../support/legs.ts';

const NOTHING_GIVEN = { adminEmail: undefined, adminPassword: undefined, apiKey: undefined };

describe('sessions on PGlite', () => sessionTests(freshPglite));
describeWithLegs('sessions on PostgreSQL', ['postgres'], ({ postgres }) =>
  sessionTests(() => freshPostgres(postgres)),
);

function sessionTests(fresh: () => Promise<FreshDatabase>): void {
  let made: FreshDatabase;
  let database: Database;
  let userId: string;
  let offsetMs = 0;
  const events: SecurityEvent[] = [];
  const clock: Clock = {
    ...systemClock,
    now: () => new Date(systemClock.now().getTime() + offsetMs),
  };
  const onSecurityEvent = async (event: SecurityEvent) => {
    events.push(event);
  };
  const sessions = () => new SessionService({ database, clock, onSecurityEvent });

  beforeAll(async () => {
    made = await fresh();
    database = await made.open();
    await migrate(database, { directory: 'migrations', clock: systemClock, log: silentLog });
    await bootstrap({ database, clock, passwords: createPasswordHasher() }, NOTHING_GIVEN);
    const { rows } = await database.execute<{ id: string }>({
      sql: 'select id from users',
      parameters: [],
    });
    userId = rows[0]?.id ?? '';
  });
  beforeEach(() => {
    offsetMs = 0;
    events.length = 0;
  });
  afterAll(async () => {
    await database?.close();
    await made?.dispose();
  });

  const refused = { code: 'invalid_refresh_token', status: 401 };

  test('50 parallel refreshes of one token get the same successor', async () => {
    const service = sessions();
    const { refreshToken } = await service.begin(userId);
    const answers = await Promise.all(
      Array.from({ length: 50 }, () => service.refresh(refreshToken)),
    );
    const successors = new Set(answers.map((answer) => answer.refreshToken));
    expect(successors.size).toBe(1);
    await expect(service.refresh([...successors][0] ?? '')).resolves.toMatchObject({ userId });
    expect(events).toEqual([]);
  });

  test('a grandparent within the grace ends the session and is told', async () => {
    const service = sessions();
    const first = await service.begin(userId);
    const second = await service.refresh(first.refreshToken);
    const third = await service.refresh(second.refreshToken);
    await expect(service.refresh(first.refreshToken)).rejects.toMatchObject(refused);
    await expect(service.refresh(third.refreshToken)).rejects.toMatchObject(refused);
    const { sessionId } = first;
    expect(events).toEqual([{ type: 'refresh_token_replayed', userId, sessionId }]);
  });

  test('a predecessor after the grace ends the session', async () => {
    const service = sessions();
    const first = await service.begin(userId);
    const second = await service.refresh(first.refreshToken);
    offsetMs = 11_000;
    await expect(service.refresh(first.refreshToken)).rejects.toMatchObject(refused);
    await expect(service.refresh(second.refreshToken)).rejects.toMatchObject(refused);
    expect(events).toHaveLength(1);
  });

  test('a session that was ended, idle, or whose user is disabled is over', async () => {
    const service = sessions();
    const ended = await service.begin(userId);
    const idle = await service.begin(userId);
    const disabled = await service.begin(userId);
    await service.end(ended.refreshToken);
    await expect(service.refresh(ended.refreshToken)).rejects.toMatchObject(refused);
    const setDisabled = (now: Date | null) =>
      database.execute({ sql: 'update users set disabled_at = $1', parameters: [now] });
    await setDisabled(clock.now());
    await expect(service.refresh(disabled.refreshToken)).rejects.toMatchObject(refused);
    await setDisabled(null);
    offsetMs = 7 * 86_400_000 + 1_000;
    await expect(service.refresh(idle.refreshToken)).rejects.toMatchObject(refused);
    await expect(service.refresh('unknown')).rejects.toMatchObject(refused);
    expect(events).toEqual([]);
  });

  test('no usable token lies in the database', async () => {
    const service = sessions();
    const first = await service.begin(userId);
    const second = await service.refresh(first.refreshToken);
    const { rows } = await database.execute({
      sql: `select encode(token_hash, 'escape') as hash, sealed_successor from refresh_tokens`,
      parameters: [],
    });
    const stored = JSON.stringify(rows);
    expect(stored).not.toContain(first.refreshToken);
    expect(stored).not.toContain(second.refreshToken);
  });
}
