import { describe, expect, test } from 'vitest';
import { functionsOf, importsOf, sourceFiles, type SourceFile } from './support/source-files.ts';

/**
 * The rules that keep the tree readable. Each failure says why the rule exists; an exception needs an entry in
 * its allow-list, and the lists may only shrink.
 */

const files = sourceFiles('src');
const product = files.filter((file) => !file.path.endsWith('.test.ts'));

const DOMAIN_ORDER = [
  'identity',
  'audit',
  'usage',
  'models',
  'gateway',
  'knowledge',
  'mcp',
  'agents',
];

/** Files above the guidance of 300 lines. Nothing may be added without a reason; the hard limit is 500. */
const LONG_FILES: readonly string[] = [];
/** Functions above the guidance of 50 lines, as `path#name`. The hard limit is 80. */
const LONG_FUNCTIONS: readonly string[] = [];

describe('rule 1: imports point downwards', () => {
  test('only the composition root imports adapters', () => {
    const offenders = product.filter(
      (file) => layerOf(file.path) !== 'adapters' && importsLayer(file, 'adapters'),
    );
    expectNone(
      offenders.map((file) => file.path).filter((path) => !COMPOSITION.includes(path)),
      'runtime.ts alone chooses adapters, so that no domain can ask which shape it runs in',
    );
  });

  test.each(Object.entries(ALLOWED_LAYERS()))('%s imports only %s', (layer, allowed) => {
    const offenders = product
      .filter((file) => layerOf(file.path) === layer)
      .flatMap((file) =>
        internalImports(file)
          .filter((target) => ![layer, ...allowed].includes(layerOf(target)))
          .map((target) => `${file.path} -> ${target}`),
      );
    expectNone(
      offenders,
      `${layer} stands on ${allowed.join(', ') || 'nothing'}; see docs/architecture.md`,
    );
  });

  test('domains form a line without back edges and meet only at index.ts', () => {
    const offenders = product.flatMap((file) => {
      const own = domainOf(file.path);
      if (own === undefined) return [];
      return internalImports(file)
        .filter((target) => domainOf(target) !== undefined && domainOf(target) !== own)
        .filter((target) => !mayImportDomain(own, target))
        .map((target) => `${file.path} -> ${target}`);
    });
    expectNone(offenders, 'a lower domain that must react to a higher one takes a callback');
  });

  test('there is no import cycle', () => {
    expectNone(
      cycles(product),
      'a knot of files can only be understood, tested and moved as a whole',
    );
  });
});

describe('rule 2: one door to the environment, the terminal and time', () => {
  test.each([
    ['process.env', /\bprocess\.env\b/, (path: string) => path.startsWith('src/config/')],
    ['console.*', /\bconsole\.\w+\(/, (path: string) => path === 'src/cli/output.ts'],
    [
      'clock and ids in domains',
      /\bDate\.now\(|\bnew Date\(\)|\brandomUUID\(|\bperformance\.now\(/,
      (path: string) => !path.startsWith('src/domains/'),
    ],
  ] as const)('%s', (name, pattern, isAllowed) => {
    const offenders = product
      .filter((file) => !isAllowed(file.path) && pattern.test(withoutComments(file.text)))
      .map((file) => file.path);
    expectNone(offenders, `${name}: tests replace what comes through one door, and nothing else`);
  });
});

test('rule 3: no module holds state that changes', () => {
  const offenders = product.flatMap((file) =>
    [...file.text.matchAll(/^(?:export )?let (\w+)/gm)].map((match) => `${file.path}#${match[1]}`),
  );
  expectNone(offenders, 'state belongs to values that runtime.ts creates and closes');
});

test('rule 4: the network is reached through undici with a signal, never through global fetch', () => {
  const offenders = product
    .filter((file) => /(?<![.\w])fetch\(/.test(withoutComments(file.text)))
    .map((file) => file.path);
  expectNone(offenders, 'global fetch costs nine times the CPU and hides time-outs');
});

test('rule 5: blob adapters know keys and bytes only', () => {
  const offenders = product
    .filter((file) => file.path.startsWith('src/adapters/blob-store/'))
    .filter((file) => /content-?type|ContentType|Metadata:|xattr/i.test(withoutComments(file.text)))
    .map((file) => file.path);
  expectNone(
    offenders,
    'facts about a file live in SQL, where a backup and both shapes see the same',
  );
});

test('rule 6: SQL stands in repositories and migrations', () => {
  const offenders = product
    .filter((file) => file.path.startsWith('src/domains/') || file.path.startsWith('src/http/'))
    .filter((file) => !/(^|\/|-)repository\.ts$/.test(file.path))
    .filter((file) =>
      /\bstatementBuilder\b|\bsql`|\bfrom 'kysely'/.test(withoutComments(file.text)),
    )
    .map((file) => file.path);
  expectNone(offenders, 'one file a domain shows every statement that touches its tables');
});

describe('rule 7: sizes', () => {
  test('files stay below 300 lines', () => {
    const long = product.filter((file) => lineCount(file.text) > 300).map((file) => file.path);
    expectNone(
      long.filter((path) => !LONG_FILES.includes(path)),
      'a file that cannot be read in one go has two subjects',
    );
    expect(product.filter((file) => lineCount(file.text) > 500)).toEqual([]);
    expectNone(
      LONG_FILES.filter((path) => !long.includes(path)),
      'the allow-list only shrinks: take these out',
    );
  });

  test('functions stay below 50 lines', () => {
    const long = product.flatMap((file) =>
      functionsOf(file)
        .filter((each) => each.lines > 50)
        .map((each) => ({ name: `${file.path}#${each.name}`, lines: each.lines })),
    );
    expectNone(
      long
        .filter((each) => !LONG_FUNCTIONS.includes(each.name))
        .map((each) => `${each.name} (${each.lines})`),
      'a function that does not fit on a screen hides a second one',
    );
    expect(long.filter((each) => each.lines > 80)).toEqual([]);
    expectNone(
      LONG_FUNCTIONS.filter((name) => !long.some((each) => each.name === name)),
      'the allow-list only shrinks: take these out',
    );
  });
});

test('acceptance tests import nothing from src', () => {
  const offenders = sourceFiles('test/acceptance')
    .filter((file) => internalImports(file).some((target) => target.startsWith('src/')))
    .map((file) => file.path);
  expectNone(offenders, 'they must be able to judge any implementation of the same surface');
});

test('file names carry content', () => {
  const empty = /(^|\/|-)(utils?|helpers?|common|manager|data|misc)(\.test)?\.ts$/;
  expectNone(
    product.map((file) => file.path).filter((path) => empty.test(path)),
    'a name that says nothing collects everything',
  );
});

// Doctor looks at each store by itself, also when the others cannot be opened.
const COMPOSITION = ['src/runtime.ts', 'src/backup-target.ts', 'src/open-probes.ts'];

function ALLOWED_LAYERS(): Record<string, string[]> {
  return {
    lib: [],
    ports: ['lib'],
    adapters: ['ports', 'lib'],
    domains: ['ports', 'lib'],
    http: ['domains', 'config', 'ports', 'lib'],
    config: ['lib'],
  };
}

function mayImportDomain(own: string, target: string): boolean {
  const other = domainOf(target);
  if (other === undefined) return true;
  if (own === 'ops') return /\/(index|checks|backup)\.ts$/.test(target);
  const isLower = DOMAIN_ORDER.indexOf(other) < DOMAIN_ORDER.indexOf(own);
  return isLower && target.endsWith('/index.ts');
}

function layerOf(path: string): string {
  const [, layer = ''] = path.split('/');
  return layer.endsWith('.ts') ? 'root' : layer;
}

function domainOf(path: string): string | undefined {
  return /^src\/domains\/([^/]+)\//.exec(path)?.[1];
}

function internalImports(file: SourceFile): string[] {
  return importsOf(file).map((each) => each.path);
}

function importsLayer(file: SourceFile, layer: string): boolean {
  return internalImports(file).some((target) => layerOf(target) === layer);
}

function cycles(all: readonly SourceFile[]): string[] {
  const graph = new Map(all.map((file) => [file.path, internalImports(file)]));
  const done = new Set<string>();
  const found: string[] = [];
  const visit = (path: string, trail: readonly string[]): void => {
    if (trail.includes(path)) found.push([...trail.slice(trail.indexOf(path)), path].join(' -> '));
    if (done.has(path) || trail.includes(path)) return;
    for (const target of graph.get(path) ?? []) visit(target, [...trail, path]);
    done.add(path);
  };
  for (const path of graph.keys()) visit(path, []);
  return found;
}

function lineCount(text: string): number {
  return text.split('\n').length - 1;
}

function withoutComments(text: string): string {
  return text.replaceAll(/\/\*[\s\S]*?\*\//g, '').replaceAll(/(^|\s)\/\/.*$/gm, '');
}

function expectNone(offenders: readonly string[], reason: string): void {
  expect(offenders, `${reason}\n  ${offenders.join('\n  ')}`).toEqual([]);
}
