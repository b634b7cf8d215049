import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { version } from '../src/cli/version.ts';
import { type GeneratedDocument, sourceDocuments } from './generate/documents.ts';
import { openApiDocument } from './generate/openapi-document.ts';

// `npm run generate`: writes every document that is made from the source. Tests keep them equal.
const root = fileURLToPath(new URL('..', import.meta.url));

// The first one is read by those after it.
await report({ path: 'docs/openapi.json', text: await openApiDocument(version()) });
for (const document of await sourceDocuments(root)) await report(document);

async function report(document: GeneratedDocument): Promise<void> {
  process.stdout.write(`${document.path}: ${await written(document)}\n`);
}

async function written({ path, text }: GeneratedDocument): Promise<'written' | 'unchanged'> {
  const target = join(root, path);
  const before = await readFile(target, 'utf8').catch(() => undefined);
  if (before === text) return 'unchanged';
  await mkdir(dirname(target), { recursive: true });
  await writeFile(target, text);
  return 'written';
}
