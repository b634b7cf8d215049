import type { ClientConfig } from 'pg';
import { VALUE_PARSERS } from './sql-values.ts';
import { DEFAULT_EXECUTE_TIMEOUT_MS } from './time-limits.ts';

const CONNECT_TIMEOUT_MS = 10_000;
// A safety net below the adapter's own expiry: a session whose owner vanished does not keep its locks.
const IDLE_IN_TRANSACTION_TIMEOUT_MS = 60_000;

// Text forms that the value parsers rely on, and the same clock for every session. The URL may set its own `options`.
const SESSION_OPTIONS = '-c TimeZone=UTC -c DateStyle=ISO -c bytea_output=hex';

/** What every connection of ours has in common. Type parsers are per connection: pg's global ones stay untouched. */
export function clientConfig(url: string): ClientConfig {
  return {
    connectionString: url,
    application_name: 'llamp',
    connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
    statement_timeout: DEFAULT_EXECUTE_TIMEOUT_MS,
    idle_in_transaction_session_timeout: IDLE_IN_TRANSACTION_TIMEOUT_MS,
    keepAlive: true,
    keepAliveInitialDelayMillis: 10_000,
    options: SESSION_OPTIONS,
    types: { getTypeParser: parserOf as NonNullable<ClientConfig['types']>['getTypeParser'] },
  };
}

function parserOf(oid: number): (text: string) => unknown {
  return VALUE_PARSERS.get(oid) ?? asText;
}

function asText(text: string): string {
  return text;
}
