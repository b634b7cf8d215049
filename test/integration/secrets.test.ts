import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { systemClock } from '../../src/adapters/clock/system.ts';
import { SEALED_COLUMNS } from '../../src/sealed-columns.ts';
import { SEALED_CREDENTIALS } from '../../src/domains/models/index.ts';
import { migrate } from '../../src/domains/ops/migration/index.ts';
import {
  countSecrets,
  rotateSecrets,
  verifySecretKey,
  WrongSecretKeyError,
} from '../../src/domains/ops/secrets/index.ts';
import { silentLog } from '../../src/lib/log.ts';
import { createSecretBox } from '../../src/lib/secret-box.ts';
import type { Database, Statement } from '../../src/ports/database.ts';
import { type FreshDatabase, freshPglite, freshPostgres } from '../support/fresh-databases.ts';
import { describeWithLegs } from '../support/legs.ts';
import { installed, type ModelsInstance, startModelsInstance } from '../support/models-instance.ts';
import { type ScriptedProvider, startScriptedProvider } from '../support/scripted-provider.ts';

const PROVIDERS = 230;
const [oldKey, newKey, foreignKey] = [randomBytes(32), randomBytes(32), randomBytes(32)];
const oldBox = createSecretBox(oldKey);
const bothBox = createSecretBox(newKey, [oldKey]);
const newBox = createSecretBox(newKey);

describeSecrets('the embedded database', freshPglite);

describeWithLegs('a served database', ['postgres'], ({ postgres }) => {
  describeSecrets('PostgreSQL', () => freshPostgres(postgres));
});

function describeSecrets(title: string, fresh: () => Promise<FreshDatabase>): void {
  describe(`ID-5 secrets in ${title}`, () => {
    let databases: FreshDatabase;
    let database: Database;
    let instance: ModelsInstance;
    let upstream: ScriptedProvider;
    let firstId: string;

    const provider = (name: string) => ({
      name,
      kind: 'openai-compatible',
      base_url: upstream.baseUrl,
      credential: { api_key: upstream.apiKey },
    });
    const counts = async () =>
      (await countSecrets(database, SEALED_COLUMNS)).find(({ table }) => table === 'providers')
        ?.byKey;

    beforeAll(async () => {
      databases = await fresh();
      database = await databases.open();
      await migrate(database, { directory: 'migrations', clock: systemClock, log: silentLog });
      const key = await installed(database);
      upstream = await startScriptedProvider({ models: ['up-1'] });
      await verifySecretKey({ database, clock: systemClock }, oldBox);
      const before = await startModelsInstance(database, key, { box: oldBox });
      const first = await before.call('POST', '/providers', provider('first'));
      firstId = String(first.json['id']);
      await before.close();
      await database.batch(
        Array.from({ length: PROVIDERS - 1 }, (_, index) => storedProvider(firstId, index + 1)),
      );
      instance = await startModelsInstance(database, key, { box: bothBox });
    });
    afterAll(async () => {
      await Promise.all([instance?.close(), upstream?.close()]);
      await database?.close();
      await databases?.dispose();
    });

    const verify = (box: Parameters<typeof verifySecretKey>[1]) =>
      verifySecretKey({ database, clock: systemClock }, box);

    test('a wrong key and a missing one are told at start', async () => {
      await expect(verify(oldBox)).resolves.toBeUndefined();
      await expect(verify(bothBox)).resolves.toBeUndefined();
      await expect(verify(createSecretBox(foreignKey))).rejects.toThrow(WrongSecretKeyError);
      await expect(verify(undefined)).rejects.toThrow(`sealed with the key ${oldBox.keyId}`);
    });

    test('a rotation that dies in the middle is run again', async () => {
      await expect(
        rotateSecrets(failingAfter(database, 50), bothBox, { columns: SEALED_COLUMNS }),
      ).rejects.toThrow('the process died');
      expect(await counts()).toEqual({ [newBox.keyId]: 50, [oldBox.keyId]: PROVIDERS - 50 });
      // The old key is still needed, and says so.
      await expect(verify(newBox)).rejects.toThrow(WrongSecretKeyError);
    });

    test('a rotation under load fails no call, and ends the need for the old key', async () => {
      let isRotating = true;
      const outcomes = new Set<unknown>();
      let calls = 0;
      const load = (async () => {
        while (isRotating) {
          const answer = await instance.call('POST', `/providers/${firstId}/test`);
          outcomes.add(answer.json['outcome']);
          calls += 1;
        }
      })();
      const rotation = await rotateSecrets(database, bothBox, { columns: SEALED_COLUMNS });
      isRotating = false;
      await load;
      expect(rotation).toEqual({ rewrapped: PROVIDERS - 50, current: 50, unreadable: [] });
      expect([...outcomes]).toEqual(['ok']);
      expect(calls).toBeGreaterThan(0);
      expect(await counts()).toEqual({ [newBox.keyId]: PROVIDERS });
      await expect(verify(newBox)).resolves.toBeUndefined();
      await expect(verify(oldBox)).rejects.toThrow(WrongSecretKeyError);
    });

    test('a secret that was moved to another row opens nowhere, and is told', async () => {
      await database.execute({
        sql: `update providers set credential = (select credential from providers where name = 'first')
          where name = 'p-1'`,
        parameters: [],
      });
      const rotation = await rotateSecrets(database, bothBox, { columns: SEALED_COLUMNS });
      expect(rotation.unreadable).toEqual([
        { table: 'providers', key: expect.stringMatching(/^prov_/), reason: expect.any(String) },
      ]);
      expect(rotation.unreadable[0]?.reason).toContain('belongs to another place');
    });
  });
}

/** Another one like the first, with a credential of its own. */
function storedProvider(firstId: string, number: number): Statement {
  const id = systemClock.newId('prov_');
  const place = SEALED_CREDENTIALS.boundTo(id);
  const credential = oldBox.seal(JSON.stringify({ api_key: `sk-${number}` }), place);
  return {
    sql: `insert into providers (id, organization_id, name, kind, credential, credential_hint, enabled,
        created_at, updated_at)
      select $1, organization_id, $2, kind, $3, credential_hint, enabled, created_at, updated_at from providers where id = $4`,
    parameters: [id, `p-${number}`, credential, firstId],
  };
}

/** Fails as a process that is killed: nothing after the statement reaches the database. */
function failingAfter(database: Database, updates: number): Database {
  let left = updates;
  return new Proxy(database, {
    get: (target, name) => {
      const value: unknown = Reflect.get(target, name);
      if (name !== 'execute') return typeof value === 'function' ? value.bind(target) : value;
      return async (statement: Statement, options?: object) => {
        if (statement.sql.startsWith('update providers') && left-- === 0)
          throw new Error('the process died');
        return target.execute(statement, options);
      };
    },
  });
}
