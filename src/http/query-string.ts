import { parse } from 'node:querystring';

const KEYS_MAX = 100;

/**
 * The official clients send arrays as `include[]=a&include[]=b`, others repeat `include=`: both arrive as `include`.
 * A bracket key is an array even when it comes once.
 */
export function parseQueryString(text: string): Record<string, unknown> {
  const query: Record<string, unknown> = Object.create(null);
  if (text === '') return query;
  for (const [key, value] of Object.entries(parse(text, '&', '=', { maxKeys: KEYS_MAX }))) {
    if (value === undefined) continue;
    if (!key.endsWith('[]')) {
      query[key] = query[key] === undefined ? value : [query[key], value].flat();
      continue;
    }
    const name = key.slice(0, -2);
    const before = query[name];
    query[name] = [...(before === undefined ? [] : [before].flat()), ...[value].flat()];
  }
  return query;
}
