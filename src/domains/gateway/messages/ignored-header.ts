const NAMES_MAX = 16;
const NAME_LENGTH_MAX = 64;

/**
 * The names of fields as the value of a header. Clients choose them, so neither a character that no header may hold nor
 * their number may break the answer.
 */
export function ignoredHeaderValue(names: readonly string[]): string {
  return names
    .slice(0, NAMES_MAX)
    .map((name) => name.slice(0, NAME_LENGTH_MAX).replace(/[^\w.-]+/g, '_'))
    .join(', ');
}
