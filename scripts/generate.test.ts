import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { loadConfig } from '../src/config/load.ts';
import { VARIABLE_NAMES, VARIABLES } from '../src/config/schema.ts';
import { sourceDocuments } from './generate/documents.ts';

const root = fileURLToPath(new URL('..', import.meta.url));

describe('generated documents', async () => {
  test.each(await sourceDocuments(root))('$path is up to date', ({ path, text }) => {
    expect(readFileSync(`${root}/${path}`, 'utf8'), 'run `npm run generate`').toBe(text);
  });

  test('name every variable', async () => {
    for (const { path, text } of await sourceDocuments(root)) {
      if (!/configuration\.md$|\.env\.example$/.test(path)) continue;
      expect(VARIABLE_NAMES.filter((name) => !text.includes(name))).toEqual([]);
    }
  });
});

test('every example of a variable is accepted', () => {
  // An example that works would be everybody's secret.
  const placeholders = new Set(['LLAMP_BOOTSTRAP_API_KEY', 'LLAMP_SECRET_KEY']);
  const names = VARIABLE_NAMES.filter((name) => !placeholders.has(name));
  const env = Object.fromEntries(names.map((name) => [name, VARIABLES[name].example]));
  expect(() => loadConfig(env)).not.toThrow();
});
