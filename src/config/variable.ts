/** One environment variable: how it is read, and what its documentation says. */
export interface Variable<T> {
  readonly summary: string;
  readonly group: VariableGroup;
  /** Throws `InvalidValue` when the text does not fit. */
  readonly parse: (text: string) => T;
  /** What holds when the variable is not set; undefined means "off" or "embedded". */
  readonly defaultValue: T | undefined;
  readonly type: string;
  readonly unit?: string;
  readonly example: string;
  /** Never printed. */
  readonly secret: boolean;
  /** Also readable from the file that `<NAME>_FILE` names. */
  readonly file: boolean;
}

export const VARIABLE_GROUPS = {
  listening: 'Listening',
  data: 'Data folder and stores',
  backup: 'Backup',
  upstream: 'Upstream models',
  bootstrap: 'First start',
  signIn: 'Sign-in',
  limits: 'Limits and time-outs',
  logging: 'Logging',
} as const;
export type VariableGroup = keyof typeof VARIABLE_GROUPS;

/** Why a text is no value of its variable, and what to write instead. */
export class InvalidValue extends Error {
  readonly fix: string;
  constructor(reason: string, fix: string) {
    super(reason);
    this.name = 'InvalidValue';
    this.fix = fix;
  }
}

interface Description {
  readonly group: VariableGroup;
  readonly summary: string;
  readonly example: string;
  readonly unit?: string;
  readonly secret?: boolean;
  readonly file?: boolean;
}

type Defaulted<T, D> = D extends undefined ? T | undefined : T;

export interface TypedVariable<T> extends Variable<unknown> {
  /** Type only; never set. */
  readonly value?: T;
}

function variable<T, D extends T | undefined>(
  description: Description,
  type: string,
  defaultValue: D,
  parse: (text: string) => T,
): TypedVariable<Defaulted<T, D>> {
  return { secret: false, file: false, ...description, type, defaultValue, parse };
}

export function text<D extends string | undefined = undefined>(
  description: Description & { default?: D; check?: (text: string) => void },
): TypedVariable<Defaulted<string, D>> {
  const { default: defaultValue, check, ...rest } = description;
  return variable<string, D>(rest, 'text', defaultValue as D, (value) => {
    check?.(value);
    return value;
  });
}

export function integer<D extends number | undefined = undefined>(
  description: Description & { min: number; max: number; default?: D },
): TypedVariable<Defaulted<number, D>> {
  const { min, max, default: defaultValue, ...rest } = description;
  const type = `whole number, ${min} to ${max}`;
  return variable<number, D>(rest, type, defaultValue as D, (value) => {
    if (/^tcp:\/\//.test(value)) {
      // Kubernetes sets LLAMP_PORT=tcp://… in every pod beside a service that is called llamp.
      throw new InvalidValue(
        'is a service link that Kubernetes adds by itself',
        'set `enableServiceLinks: false` in the pod, or give the service another name',
      );
    }
    const number = Number(value);
    if (!/^-?\d+$/.test(value) || number < min || number > max) {
      throw new InvalidValue('is not a whole number in its range', `use ${min} to ${max}`);
    }
    return number;
  });
}

export function oneOf<const V extends string>(
  description: Description & { values: readonly V[]; default: V },
): TypedVariable<V> {
  const { values, default: defaultValue, ...rest } = description;
  return variable<V, V>(rest, values.join(', '), defaultValue, (value) => {
    const found = values.find((one) => one === value);
    if (found === undefined) {
      throw new InvalidValue('is none of its values', `use one of ${values.join(', ')}`);
    }
    return found;
  }) as TypedVariable<V>;
}

export function url<D extends string | undefined = undefined>(
  description: Description & { schemes: readonly string[]; default?: D },
): TypedVariable<Defaulted<string, D>> {
  const { schemes, default: defaultValue, ...rest } = description;
  const type = `URL (${schemes.map((scheme) => `${scheme}://`).join(', ')})`;
  return variable<string, D>(rest, type, defaultValue as D, (value) => {
    checkUrl(value, schemes, rest.example);
    return value;
  });
}

export function list(
  description: Description & { check: (item: string) => void },
): TypedVariable<readonly string[]> {
  const { check, ...rest } = description;
  return variable<readonly string[], readonly string[]>(
    rest,
    'list, separated by commas',
    [],
    (value) => {
      const items = value.split(',').map((item) => item.trim());
      for (const item of items) check(item);
      return items;
    },
  );
}

function checkUrl(value: string, schemes: readonly string[], example: string): void {
  const fix = `write it like ${example}`;
  const scheme = /^([a-z][a-z0-9+]*):\/\//i.exec(value)?.[1]?.toLowerCase();
  if (scheme === undefined || !schemes.includes(scheme)) {
    throw new InvalidValue(`does not start with ${schemes.join(':// or ')}://`, fix);
  }
  const encode = 'percent-encode special characters of the password: @ is %40, / is %2F, # is %23';
  const authority = value.slice(scheme.length + 3).split(/[/?#]/, 1)[0] ?? '';
  // URL accepts a second @ and takes it into the password, other parsers do not: refuse the doubt.
  if (authority.split('@').length > 2) throw new InvalidValue('contains more than one @', encode);
  if (!URL.canParse(value)) throw new InvalidValue('is not a valid URL', `${fix}; ${encode}`);
  if (new URL(value).hostname === '') throw new InvalidValue('names no host', fix);
}
