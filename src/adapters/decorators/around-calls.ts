/** What every call of a port can carry as its last argument. */
export interface CallOptions {
  readonly timeoutMs?: number;
  readonly signal?: AbortSignal;
}

export interface Call {
  readonly operation: string;
  readonly parameters: readonly unknown[];
  readonly options: CallOptions;
  /** Makes the call; with `options`, these replace some of the caller's. */
  proceed(options?: CallOptions): Promise<unknown>;
}

/**
 * The same port with `around` about each of `operations`, which are methods that answer with a promise. Everything
 * else, capabilities and `close` among it, passes through, unless it is `replaced`.
 */
export function aroundCalls<Port extends object>(
  port: Port,
  operations: readonly (keyof Port & string)[],
  around: (call: Call) => Promise<unknown>,
  replaced: Partial<Port> = {},
): Port {
  const wrapped = new Map<string | symbol, unknown>([
    ...operations.map((operation) => [operation, wrap(port, operation, around)] as const),
    ...Object.entries(replaced),
  ]);
  return new Proxy(port, {
    get: (target, property) => {
      if (wrapped.has(property)) return wrapped.get(property);
      // With the target as `this`: private fields are not found through a proxy.
      const value: unknown = Reflect.get(target, property, target);
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });
}

function wrap<Port extends object>(
  port: Port,
  operation: keyof Port & string,
  around: (call: Call) => Promise<unknown>,
): (...parameters: unknown[]) => Promise<unknown> {
  return (...parameters) => {
    const options = optionsOf(parameters);
    return around({
      operation,
      parameters,
      options,
      proceed: async (replacement) => {
        const method = port[operation] as (...all: unknown[]) => Promise<unknown>;
        const last = { ...options, ...replacement };
        return method.apply(
          port,
          replacement === undefined ? parameters : [...parameters.slice(0, -1), last],
        );
      },
    });
  };
}

function optionsOf(parameters: readonly unknown[]): CallOptions {
  const last = parameters.at(-1);
  return typeof last === 'object' && last !== null ? last : {};
}
