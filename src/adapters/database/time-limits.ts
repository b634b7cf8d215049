export const DEFAULT_EXECUTE_TIMEOUT_MS = 30_000;
export const DEFAULT_TRANSACTION_TIMEOUT_MS = 10_000;
/** How long a transaction waits for a session before it begins. */
export const SESSION_WAIT_MS = 30_000;
/** Migrations may build large indexes. */
export const SCRIPT_TIMEOUT_MS = 60 * 60_000;
