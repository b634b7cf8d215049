/** The store with some methods of the test's own, which get the real one first. */
export function withMethods<Store extends object>(
  store: Store,
  methods: Partial<Record<keyof Store & string, (...parameters: never[]) => unknown>>,
): Store {
  return new Proxy(store, {
    get(target, name) {
      const own: unknown = Reflect.get(methods, name);
      const value: unknown = own ?? Reflect.get(target, name);
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });
}
