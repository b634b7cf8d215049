import type { Check } from '../../check.ts';
import { fail, ok } from '../../finding.ts';
import { ofServedDatabase } from '../../server-facts.ts';
import { text } from '../../text.ts';

const MAJOR_MIN = 15;

export const databaseVersion: Check = {
  ...ofServedDatabase,
  id: 'database.version',
  title: text('Version of PostgreSQL', 'PostgreSQL 版本'),
  symptom: text('"PostgreSQL 15 or newer is needed"', '提示 “PostgreSQL 15 or newer is needed”'),
  hint: text(
    'Upgrade PostgreSQL to a maintained major version.',
    '把 PostgreSQL 升级到仍在维护的主版本。',
  ),
  run: async ({ probes }) => {
    const { serverVersion } = await probes.database();
    const major = Math.floor(serverVersion / 10_000);
    const [en, zh] = [`PostgreSQL ${major}`, `PostgreSQL ${major}`];
    return major >= MAJOR_MIN ? ok(en, zh) : fail(en, zh);
  },
};
