import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { sourceFiles } from './support/source-files.ts';

const { done } = JSON.parse(readFileSync('test/requirements.json', 'utf8')) as { done: string[] };
const titles = [...sourceFiles('test'), ...sourceFiles('src')]
  .filter(
    (file) =>
      file.path.endsWith('.test.ts') ||
      file.path.endsWith('.contract.ts') ||
      file.path.endsWith('.suite.ts'),
  )
  .map((file) => file.text)
  .join('\n');

test.each(done)('%s is done, so a test names it', (id) => {
  expect(titles, `no test carries ${id} in its title`).toMatch(new RegExp(`\\b${id}\\b`));
});
