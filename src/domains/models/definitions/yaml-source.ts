import {
  type Document,
  isMap,
  isNode,
  isScalar,
  LineCounter,
  type Node,
  parseDocument,
  visit,
} from 'yaml';
import type { FileMistake } from './file-mistakes.ts';

const ALIASES_MAX = 100;
const REFERENCE = /\$\{([A-Za-z_][A-Za-z0-9_]*)\}/g;

export type YamlPath = readonly (string | number)[];

/** A YAML text whose values know the lines that they come from. */
export class YamlSource {
  readonly #lines = new LineCounter();
  readonly #document: Document.Parsed;

  constructor(text: string) {
    this.#document = parseDocument(text, { lineCounter: this.#lines, prettyErrors: false });
  }

  /** What makes it no YAML at all. */
  syntaxMistakes(): FileMistake[] {
    const problems = [...this.#document.errors, ...this.#document.warnings];
    if (problems.length === 0 && !this.#isFinite()) {
      return [{ line: undefined, path: '', reason: 'its aliases stand for too much' }];
    }
    return problems.map(({ message, pos }) => ({
      line: this.#lines.linePos(pos[0]).line,
      path: '',
      reason: `this is no valid YAML: ${message}`,
    }));
  }

  /** Puts values in place of `${NAME}`, and says which names have none. */
  fillReferences(textOf: (name: string) => string | undefined): FileMistake[] {
    const mistakes: FileMistake[] = [];
    visit(this.#document, {
      Scalar: (key, node) => {
        if (key === 'key' || typeof node.value !== 'string') return;
        node.value = node.value.replaceAll(REFERENCE, (reference, name: string) => {
          const text = textOf(name);
          if (text === undefined) {
            const reason = `${reference} has no value: the variable ${name} is not set`;
            mistakes.push({ line: this.#lineOf(node), path: '', reason });
          }
          return text ?? reference;
        });
      },
    });
    return mistakes;
  }

  value(): unknown {
    return this.#document.toJS({ maxAliasCount: ALIASES_MAX });
  }

  /** The line of a value, of the key of a field, or of the nearest thing around what does not exist. */
  lineAt(path: YamlPath): number | undefined {
    for (let length = path.length; length >= 0; length--) {
      const found = this.#nodeAt(path.slice(0, length));
      if (found !== undefined) return this.#lineOf(found);
    }
    return undefined;
  }

  #isFinite(): boolean {
    try {
      this.value();
      return true;
    } catch (error) {
      if (error instanceof ReferenceError) return false;
      throw error;
    }
  }

  #nodeAt(path: YamlPath): Node | undefined {
    const parent = this.#document.getIn(path.slice(0, -1), true);
    const name = path.at(-1);
    // The key, not its value, which may begin lines later.
    if (isMap(parent) && name !== undefined) {
      const pair = parent.items.find(({ key }) => isScalar(key) && key.value === name);
      return pair !== undefined && isNode(pair.key) ? pair.key : undefined;
    }
    const node = this.#document.getIn(path, true);
    return isNode(node) ? node : undefined;
  }

  #lineOf(node: Node): number | undefined {
    return node.range ? this.#lines.linePos(node.range[0]).line : undefined;
  }
}
