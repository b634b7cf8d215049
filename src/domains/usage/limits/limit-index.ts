import type { LimitRow, LimitScope } from './limit.ts';

/** Whose call it is. A `Principal` is one; `userId` when the call was made for a user. */
export interface LimitedPrincipal {
  readonly organizationId: string;
  readonly projectId: string;
  readonly apiKeyId: string | null;
  readonly userId?: string | null;
}

const NONE: readonly LimitRow[] = [];

/** Finds the limits of a call without looking at all of them. */
export class LimitIndex {
  readonly #byScope: ReadonlyMap<string, readonly LimitRow[]>;
  /** What was found, by model: a principal is one object for as long as its key is unchanged. */
  readonly #found = new WeakMap<LimitedPrincipal, Map<string, readonly LimitRow[]>>();

  constructor(limits: readonly LimitRow[]) {
    this.#byScope = Map.groupBy(limits, (limit) =>
      scopeKey(limit.organization_id, limit.scope, limit.scope_id),
    );
  }

  find(principal: LimitedPrincipal, model: string): readonly LimitRow[] {
    if (this.#byScope.size === 0) return NONE;
    let byModel = this.#found.get(principal);
    if (byModel === undefined) {
      byModel = new Map();
      this.#found.set(principal, byModel);
    }
    let found = byModel.get(model);
    if (found === undefined) {
      found = this.#search(principal, model);
      byModel.set(model, found);
    }
    return found;
  }

  #search(principal: LimitedPrincipal, model: string): readonly LimitRow[] {
    const { organizationId, projectId, apiKeyId, userId } = principal;
    const found = [
      this.#of(organizationId, 'organization', organizationId),
      this.#of(organizationId, 'project', projectId),
      this.#of(organizationId, 'api_key', apiKeyId),
      this.#of(organizationId, 'user', userId),
      this.#of(organizationId, 'model', model),
    ];
    if (found.every((limits) => limits.length === 0)) return NONE;
    return found.flat().filter((limit) => limit.model === null || limit.model === model);
  }

  #of(organizationId: string, scope: LimitScope, id: string | null | undefined) {
    if (id === null || id === undefined) return NONE;
    return this.#byScope.get(scopeKey(organizationId, scope, id)) ?? NONE;
  }
}

const scopeKey = (organizationId: string, scope: LimitScope, id: string) =>
  `${organizationId} ${scope} ${id}`;
