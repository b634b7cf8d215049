import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { openApiDocument } from '../../scripts/generate/openapi-document.ts';
import { version } from '../../src/cli/version.ts';

test('docs/openapi.json is what the application says of itself', async () => {
  const documented = readFileSync(new URL('../../docs/openapi.json', import.meta.url), 'utf8');
  expect(JSON.parse(documented), 'run `npm run generate`').toEqual(
    JSON.parse(await openApiDocument(version())),
  );
});
