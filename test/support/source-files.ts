import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { parseSync } from 'vite';

export interface SourceFile {
  /** Relative to the repository, with forward slashes. */
  readonly path: string;
  readonly text: string;
}

export function sourceFiles(folder: string): SourceFile[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .map((name) => join(folder, name).replaceAll('\\', '/'))
    .filter((path) => path.endsWith('.ts'))
    .sort()
    .map((path) => ({ path, text: readFileSync(path, 'utf8') }));
}

/** Relative imports and re-exports of a file, resolved to repository paths. */
export function importsOf(file: SourceFile): { path: string }[] {
  const pattern = /(?:from|import)\s*\(?\s*'(\.{1,2}\/[^']+)'/g;
  return [...file.text.matchAll(pattern)].map((match) => ({
    path: normalize(join(dirname(file.path), match[1] ?? '')).replaceAll('\\', '/'),
  }));
}

/** Every function, method and arrow function with a block body, with its length in lines. */
export function functionsOf(file: SourceFile): { name: string; lines: number }[] {
  const found: { name: string; lines: number }[] = [];
  const lineAt = (offset: number) => file.text.slice(0, offset).split('\n').length;
  const walk = (node: unknown, name: string): void => {
    if (Array.isArray(node)) {
      for (const each of node) walk(each, name);
      return;
    }
    if (!isNode(node)) return;
    if (isFunction(node)) {
      found.push({ name: node.id?.name ?? name, lines: lineAt(node.end) - lineAt(node.start) + 1 });
    }
    const inner = node.id?.name ?? node.key?.name ?? name;
    for (const value of Object.values(node)) walk(value, inner);
  };
  walk(parseSync(file.path, file.text).program, 'anonymous');
  return found;
}

interface Node {
  type: string;
  start: number;
  end: number;
  id?: { name?: string } | null;
  key?: { name?: string };
  body?: { type?: string } | null;
}

function isNode(value: unknown): value is Node {
  return typeof value === 'object' && value !== null && 'type' in value;
}

function isFunction(node: Node): boolean {
  return (
    (['FunctionDeclaration', 'FunctionExpression', 'ArrowFunctionExpression'].includes(node.type) &&
      node.body?.type === 'BlockStatement') ||
    node.type === 'FunctionDeclaration' ||
    node.type === 'FunctionExpression'
  );
}
