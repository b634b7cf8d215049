import type { Check } from '../../check.ts';
import { fail, ok, warn } from '../../finding.ts';
import { ofServedDatabase, serverFacts } from '../../server-facts.ts';
import { text } from '../../text.ts';

const MILLION = 1_000_000;
const FAIL_AGE = 1_500 * MILLION;
const WARN_AGE = 500 * MILLION;

export const transactionIds: Check = {
  ...ofServedDatabase,
  id: 'database.transaction-ids',
  title: text('Age of transaction numbers', '事务号年龄'),
  symptom: text(
    '"database is not accepting commands to avoid wraparound"',
    '提示 “database is not accepting commands to avoid wraparound”',
  ),
  hint: text(
    'Run `vacuum freeze`, and switch autovacuum on.',
    '执行 `vacuum freeze`，并开启 autovacuum。',
  ),
  run: async (context, signal) => {
    const { transactionAge } = await serverFacts(context, signal);
    const millions = Math.round(transactionAge / MILLION);
    const [en, zh] = [`${millions} of 2,000 million`, `${millions} 百万（上限 20 亿）`];
    if (transactionAge > FAIL_AGE) return fail(en, zh);
    return transactionAge > WARN_AGE ? warn(en, zh) : ok(en, zh);
  },
};
