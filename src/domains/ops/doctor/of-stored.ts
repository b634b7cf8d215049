/** What checks of what is stored have in common. */
export const ofStored = { place: 'data' as const, needs: ['database.schema'] };

const LISTED_MAX = 5;

/** A few of many, for people. */
export function listed(items: readonly string[], separator = ', '): string {
  const more = items.length > LISTED_MAX ? ` …(${items.length})` : '';
  return items.slice(0, LISTED_MAX).join(separator) + more;
}
