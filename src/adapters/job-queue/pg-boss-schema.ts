import { getConstructionPlans, getMigrationPlans } from 'pg-boss';
import type { Database } from '../../ports/database.ts';

export const PG_BOSS_SCHEMA = 'pgboss';
const SCRIPT_END = 'COMMIT;';

/** The tables of the job queue, as a step of `llamp migrate`. Serving a shared database never runs it. */
export const jobQueueSchemaStep = {
  name: 'job-queue',

  /** The version of the tables that this release of pg-boss works with. */
  version(): number {
    return requiredVersion();
  },

  /** True when the tables are exactly those that this version of pg-boss works with. */
  async isCurrent(database: Database): Promise<boolean> {
    return (await installedVersion(database)) === requiredVersion();
  },

  /** Creates the tables, or brings them up. Two that run at once do no harm. */
  async apply(database: Database): Promise<void> {
    const installed = await installedVersion(database);
    const required = requiredVersion();
    if (installed === required) return;
    if (installed !== undefined && installed > required) {
      throw new Error(
        `the job queue's tables have version ${installed}, newer than the ${required} that this release knows`,
      );
    }
    try {
      await runPlan(database, planFrom(installed));
    } catch (error) {
      // The plan takes a lock and then fails on what another migration just made.
      if ((await installedVersion(database)) !== required) throw error;
    }
  },
};

function planFrom(installed: number | undefined): string {
  return installed === undefined
    ? getConstructionPlans(PG_BOSS_SCHEMA)
    : getMigrationPlans(PG_BOSS_SCHEMA, installed);
}

/** One transaction, and after it index builds which PostgreSQL refuses inside of one: each has to come alone. */
async function runPlan(database: Database, plan: string): Promise<void> {
  const end = plan.indexOf(SCRIPT_END) + SCRIPT_END.length;
  await database.executeScript(plan.slice(0, end));
  for (const statement of plan.slice(end).split(';\n')) {
    if (statement.replaceAll(';', '').trim() !== '') await database.executeScript(statement);
  }
}

async function installedVersion(database: Database): Promise<number | undefined> {
  const table = await database.execute<{ name: string | null }>({
    sql: 'select to_regclass($1)::text as name',
    parameters: [`${PG_BOSS_SCHEMA}.version`],
  });
  if (table.rows[0]?.name == null) return undefined;
  const { rows } = await database.execute<{ version: number }>({
    sql: `select version from ${PG_BOSS_SCHEMA}.version limit 1`,
    parameters: [],
  });
  return rows[0]?.version;
}

// pg-boss exports no number; its plan for an empty database ends by writing it.
function requiredVersion(): number {
  const insert = /INSERT INTO pgboss\.version\(version\) VALUES \('(\d+)'\)/;
  const version = insert.exec(getConstructionPlans(PG_BOSS_SCHEMA))?.[1];
  if (version === undefined) throw new Error('this version of pg-boss has an unknown schema plan');
  return Number(version);
}
