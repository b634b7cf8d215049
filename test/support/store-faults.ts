/** Which call of all stores together fails, and whether its work is done by then. */
export interface FaultPlan {
  readonly at: number;
  /** `before`: the call never reached the store. `after`: it did, and its answer was lost. */
  readonly when: 'before' | 'after';
  /** Calls so far. */
  calls: number;
}

type AnyMethod = (...parameters: unknown[]) => Promise<unknown>;

/** The store with one failing call, as when the process dies there. */
export function withFaults<Store extends object>(
  store: Store,
  plan: FaultPlan,
  methods: readonly (keyof Store & string)[],
): Store {
  return new Proxy(store, {
    get(target, name) {
      const value: unknown = Reflect.get(target, name);
      if (typeof value !== 'function') return value;
      const method = value.bind(target) as AnyMethod;
      if (!methods.some((each) => each === name)) return method;
      return async (...parameters: unknown[]) => {
        const isFailing = plan.calls++ === plan.at;
        if (isFailing && plan.when === 'before') throw new Error(`died before ${String(name)}`);
        const answer = await method(...parameters);
        if (isFailing) throw new Error(`died after ${String(name)}`);
        return answer;
      };
    },
  });
}
