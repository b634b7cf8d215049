import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { openFilesystemBlobStore } from '../../src/adapters/blob-store/filesystem.ts';
import { systemClock } from '../../src/adapters/clock/system.ts';
import { readCheckpoints } from '../../src/domains/audit/checkpoint-store.ts';
import { recordChange } from '../../src/domains/audit/record-change.ts';
import { ensureAuditPartitions, listAuditEvents } from '../../src/domains/audit/repository.ts';
import type { TamperKind } from '../../src/domains/audit/sealed-log.ts';
import { AuditSealer } from '../../src/domains/audit/sealer.ts';
import { sqlSealedLog } from '../../src/domains/audit/sql-sealed-log.ts';
import { verifyChain } from '../../src/domains/audit/verify-chain.ts';
import { silentLog } from '../../src/lib/log.ts';
import { createSecretBox } from '../../src/lib/secret-box.ts';
import type { BlobStore } from '../../src/ports/blob-store.ts';
import type { Database } from '../../src/ports/database.ts';
import { temporaryFolder } from '../support/database-template.ts';

const box = createSecretBox(new Uint8Array(32));
const changer = {
  organizationId: 'org_1',
  projectId: 'proj_1',
  kind: 'api_key',
  apiKeyId: 'key_1',
};
const EVENTS = 12;

// The owner of the tables can do this; the role of the application cannot, and the verifier tells.
const REPLICA = 'set local session_replication_role = replica;';

interface Way {
  readonly kind: TamperKind;
  readonly seq: number;
  readonly sql: string;
}

const eventAt = (seq: number) => `(select event_id from audit_seals where seq = ${seq})`;

/** Each kind twice, with statements that somebody who owns the database could give. */
const WAYS: readonly Way[] = [
  {
    kind: 'edited',
    seq: 4,
    sql: `update audit_events set actor_id = 'key_9' where id = ${eventAt(4)}`,
  },
  {
    kind: 'edited',
    seq: 7,
    sql: `update audit_events set changes = '{"name": {"after": "innocent"}}' where id = ${eventAt(7)}`,
  },
  { kind: 'deleted', seq: 5, sql: `delete from audit_events where id = ${eventAt(5)}` },
  {
    kind: 'deleted',
    seq: 6,
    sql: `delete from audit_events where id = ${eventAt(6)}; delete from audit_seals where seq = 6;
      update audit_seals set seq = -(seq - 1) where seq > 6; update audit_seals set seq = -seq where seq < 0`,
  },
  { kind: 'inserted', seq: 3, sql: copyOf(3, '') },
  {
    kind: 'inserted',
    seq: 4,
    sql: `${copyOf(4, '')}; update audit_seals set seq = -(seq + 1) where seq >= 4;
      update audit_seals set seq = -seq where seq < 0;
      insert into audit_seals select 4, 'audit_forged', event_created_at, transaction_id, 0, sha256('forged')
        from audit_seals where seq = 5`,
  },
  {
    kind: 'reordered',
    seq: 2,
    sql: `update audit_seals set seq = case seq when 2 then -9 else -2 end where seq in (2, 9);
      update audit_seals set seq = -seq where seq < 0`,
  },
  {
    kind: 'reordered',
    seq: 3,
    sql: `create temporary table swapped on commit drop as select seq, event_id from audit_seals where seq in (3, 4);
      update audit_seals set event_id = event_id || '_' where seq in (3, 4);
      update audit_seals s set event_id = w.event_id from swapped w
        where s.seq in (3, 4) and w.seq = 7 - s.seq`,
  },
  { kind: 'truncated', seq: 10, sql: 'delete from audit_seals where seq >= 10' },
  {
    kind: 'truncated',
    seq: 8,
    sql: `delete from audit_events where id in (select event_id from audit_seals where seq >= 8);
      delete from audit_seals where seq >= 8; delete from audit_checkpoints`,
  },
];

/** A forged event just before the sealed one. */
function copyOf(seq: number, suffix: string): string {
  return `insert into audit_events (id, ordinal, transaction_id, created_at, organization_id, actor_kind, action,
      resource_kind, outcome, data_class) overriding system value
    select 'audit_forged${suffix}', 0, e.transaction_id, e.created_at, e.organization_id, 'user', e.action,
      e.resource_kind, e.outcome, e.data_class from audit_events e where e.id = ${eventAt(seq)}`;
}

/** What the log promises, and what it tells of somebody who owns the database. */
export function describeAuditLog(databaseOf: () => Database): void {
  let folder: string;
  let blobs: BlobStore;
  let sealer: AuditSealer;

  beforeEach(async () => {
    folder = temporaryFolder('audit');
    blobs = await openFilesystemBlobStore({ directory: join(folder, 'blobs') });
    const database = databaseOf();
    sealer = new AuditSealer({ database, blobs, box, clock: systemClock, log: silentLog });
    await asOwner(
      'delete from audit_events; delete from audit_seals; delete from audit_checkpoints',
    );
  });
  afterEach(async () => {
    await blobs.close();
    rmSync(folder, { recursive: true, force: true });
  });

  const asOwner = (sql: string) => databaseOf().executeScript(`begin; ${REPLICA} ${sql}; commit;`);
  const record = (index: number) =>
    databaseOf().transaction((transaction) =>
      recordChange(
        transaction,
        systemClock,
        { ...changer, kind: 'api_key' },
        {
          action: 'keys.create',
          resource: { kind: 'api_key', id: `key_${index}` },
          changes: { name: { after: `key ${index}` } },
        },
      ),
    );
  const fill = async () => {
    for (let index = 1; index <= EVENTS; index += 1) await record(index);
    expect(await sealer.seal()).toBe(EVENTS);
    expect(await sealer.checkpoint()).toMatchObject({ seq: EVENTS, signature: expect.any(String) });
  };
  const verify = async () =>
    verifyChain(sqlSealedLog(databaseOf()), (await readCheckpoints(blobs)).checkpoints);

  it('ID-4 an untouched log is proven', async () => {
    await fill();
    const counts = { signed: 1, unsigned: 0 };
    expect(await verify()).toMatchObject({
      finding: undefined,
      verified: EVENTS,
      checkpoints: counts,
    });
    expect(await sealer.checkpoint(0)).toBeUndefined();
    await record(99);
    await sealer.close();
    expect(await verify()).toMatchObject({ verified: EVENTS + 1, checkpoints: { signed: 2 } });
  });

  it.each(WAYS.map((way, index) => ({ ...way, title: `${way.kind} (${index % 2})` })))(
    'ID-4 finds what was $title by the owner of the database',
    async ({ kind, seq, sql }) => {
      await fill();
      await asOwner(sql);
      expect((await verify()).finding).toMatchObject({ kind, seq });
    },
  );

  it.each([
    `update audit_events set action = 'x'`,
    'delete from audit_events',
    'truncate audit_events',
    'truncate audit_events_default',
    `update audit_seals set seq = seq + 100`,
    'delete from audit_seals',
    'truncate audit_seals',
    'delete from audit_checkpoints',
  ])('ID-4 refuses to the application: %s', async (sql) => {
    await fill();
    const refused = databaseOf().execute({ sql, parameters: [] });
    await expect(refused).rejects.toMatchObject({ sqlState: '42501' });
    expect((await verify()).finding).toBeUndefined();
  });

  it('ID-4 a change and its event exist together or not at all', async () => {
    const failing = databaseOf().transaction(async (transaction) => {
      await transaction.execute({
        sql: `insert into organizations (id, name, created_at) values ('org_new', 'x', now())`,
        parameters: [],
      });
      await recordChange(transaction, systemClock, changer as { organizationId: string }, {
        action: 'projects.create',
        resource: { kind: 'project', id: 'proj_new' },
      });
      throw new Error('killed before its commit');
    });
    await expect(failing).rejects.toThrow('killed');
    expect(await listAuditEvents(databaseOf(), { organizationId: 'org_1', limit: 10 })).toEqual([]);
  });

  it('ID-4 refuses also in the partitions of the months to come', async () => {
    await ensureAuditPartitions(databaseOf(), new Date('2031-12-31T23:59:59Z'), 1);
    await ensureAuditPartitions(databaseOf(), new Date('2031-12-31T23:59:59Z'), 1);
    const truncate = { sql: 'truncate audit_events_2032_01', parameters: [] };
    await expect(databaseOf().execute(truncate)).rejects.toMatchObject({ sqlState: '42501' });
  });

  it('seals nothing while an older transaction runs, and everything after it', async () => {
    const database = databaseOf();
    if (!database.capabilities.concurrentSessions) return;
    const begun = Promise.withResolvers<void>();
    const released = Promise.withResolvers<void>();
    const slow = database.transaction(async (transaction) => {
      await recordChange(
        transaction,
        systemClock,
        { organizationId: 'org_1' },
        {
          action: 'keys.create',
          resource: { kind: 'api_key', id: 'key_slow' },
        },
      );
      begun.resolve();
      await released.promise;
    });
    await begun.promise;
    await record(1);
    expect(await sealer.seal()).toBe(0);
    released.resolve();
    await slow;
    expect(await sealer.seal()).toBe(2);
    const sealed = await sqlSealedLog(database).read(0, 10);
    expect(sealed.map((each) => each.event?.resource_id)).toEqual(['key_slow', 'key_1']);
  });

  it('goes on in a database that was put back and counts transactions anew', async () => {
    await fill();
    await asOwner(`update audit_events set transaction_id = (transaction_id::text::bigint + 1000000)::text::xid8;
      update audit_seals set transaction_id = (transaction_id::text::bigint + 1000000)::text::xid8`);
    await record(20);
    await record(21);
    expect(await sealer.seal()).toBe(2);
    await record(22);
    expect(await sealer.seal()).toBe(1);
    expect(await verify()).toMatchObject({ finding: undefined, verified: EVENTS + 3 });
  });
}
