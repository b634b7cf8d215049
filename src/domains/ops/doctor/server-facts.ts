import { isEmbedded, type DoctorContext } from './context.ts';
import { readServerFacts, type ServerFacts } from './database-repository.ts';

const TIMEOUT_MS = 5_000;

/** What checks of a served PostgreSQL have in common. */
export const ofServedDatabase = {
  place: 'data' as const,
  needs: ['database.reachable'],
  appliesTo: (context: DoctorContext) => !isEmbedded(context),
};

export async function serverFacts(
  { probes }: DoctorContext,
  signal: AbortSignal,
): Promise<ServerFacts> {
  return readServerFacts(await probes.database(), { timeoutMs: TIMEOUT_MS, signal });
}
