export type Environment = Readonly<Record<string, string | undefined>>;

/** The variables of this process. Everything else receives them as a value. */
export function processEnvironment(): Environment {
  return process.env;
}
