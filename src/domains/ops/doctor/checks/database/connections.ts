import type { Check } from '../../check.ts';
import { fail, ok, warn } from '../../finding.ts';
import { ofServedDatabase, serverFacts } from '../../server-facts.ts';
import { text } from '../../text.ts';

// One more of each instance listens for notifications.
const LISTENERS = 1;
const WARN_RATIO = 0.8;

export const databaseConnections: Check = {
  ...ofServedDatabase,
  id: 'database.connections',
  title: text('Connections against max_connections', '连接数与 max_connections'),
  symptom: text('"sorry, too many clients already"', '提示 “sorry, too many clients already”'),
  hint: text(
    'Lower LLAMP_DATABASE_POOL_MAX or raise max_connections: pool times instances has to fit. `--instances` says how many there are.',
    '调低 LLAMP_DATABASE_POOL_MAX 或调高 max_connections：连接池乘以实例数必须放得下。实例数用 `--instances` 指定。',
  ),
  run: async (context, signal) => {
    const facts = await serverFacts(context, signal);
    const { configuration, options } = context;
    const each = (configuration.settings.database?.poolMax ?? 0) + LISTENERS;
    const wanted = each * options.instances;
    const usable = facts.maxConnections - facts.reservedConnections;
    const [en, zh] = [
      `${options.instances} × ${each} of ${usable}, ${facts.usedConnections} in use`,
      `${options.instances} × ${each}，可用 ${usable}，已用 ${facts.usedConnections}`,
    ];
    if (wanted > usable) return fail(en, zh);
    return wanted > usable * WARN_RATIO ? warn(en, zh) : ok(en, zh);
  },
};
