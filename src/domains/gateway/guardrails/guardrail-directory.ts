import type { Log } from '../../../lib/log.ts';
import { RevisionedSnapshot } from '../../../lib/revisioned-snapshot.ts';
import type { Clock } from '../../../ports/clock.ts';
import type { Database } from '../../../ports/database.ts';
import type { Principal } from '../../identity/index.ts';
import {
  type Guardrail,
  guardrailOf,
  type GuardrailRow,
  type GuardrailScope,
  type GuardrailTools,
} from './guardrail.ts';
import { GUARDRAILS_CHANNEL, loadGuardrails, readRevision } from './guardrail-repository.ts';

const NONE: readonly Guardrail[] = [];
type ByPlace = ReadonlyMap<string, readonly Guardrail[]>;

export interface GuardrailDirectoryOptions {
  readonly database: Database;
  readonly clock: Clock;
  readonly log: Log;
  readonly tools: GuardrailTools;
}

/** Every enabled guardrail in memory, by the place that it is for. */
export class GuardrailDirectory {
  readonly #snapshot: RevisionedSnapshot<ByPlace>;

  constructor({ database, clock, log, tools }: GuardrailDirectoryOptions) {
    this.#snapshot = new RevisionedSnapshot<ByPlace>({
      name: 'guardrails',
      initial: new Map(),
      readRevision: (limits) => readRevision(database, limits),
      load: async (limits) => byPlace(await loadGuardrails(database, limits), tools),
      listen: (onChange) => database.listen(GUARDRAILS_CHANNEL, onChange, onChange),
      sleep: (delayMs, signal) => clock.sleep(delayMs, signal),
      log,
    });
  }

  open = () => this.#snapshot.open();
  close = () => this.#snapshot.close();
  /** Resolves when every change that was committed before the call is in force here. */
  refresh = () => this.#snapshot.refresh();

  /** Those of the caller's organization, project and key; mostly none, and then without looking. */
  of({ organizationId, projectId, apiKeyId }: Principal): readonly Guardrail[] {
    const guardrails = this.#snapshot.current;
    if (guardrails.size === 0) return NONE;
    const at = (scope: GuardrailScope, id: string | null) =>
      id === null ? NONE : (guardrails.get(placeKey(scope, id)) ?? NONE);
    return [
      ...at('organization', organizationId),
      ...at('project', projectId),
      ...at('api_key', apiKeyId),
    ];
  }
}

function byPlace(rows: readonly GuardrailRow[], tools: GuardrailTools): ByPlace {
  const places = new Map<string, Guardrail[]>();
  for (const row of rows) {
    const key = placeKey(row.scope, row.scope_id);
    const known = places.get(key);
    if (known === undefined) places.set(key, [guardrailOf(row, tools)]);
    else known.push(guardrailOf(row, tools));
  }
  return places;
}

const placeKey = (scope: GuardrailScope, id: string) => `${scope} ${id}`;
