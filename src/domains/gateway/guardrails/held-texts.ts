import type { Detector } from './detectors/detector.ts';
import type { Guardrail } from './guardrail.ts';

/**
 * Texts that come in pieces, each by the place where it stands: of each the end is held back as long as something may
 * have begun in it that a guardrail is about.
 */
export class HeldTexts {
  readonly #detectors: readonly Detector[];
  readonly #inspect: (text: string) => string;
  readonly #held = new Map<string, string>();

  constructor(guardrails: readonly Guardrail[], inspect: (text: string) => string) {
    this.#detectors = guardrails.flatMap(({ detector }) => detector ?? []);
    this.#inspect = inspect;
  }

  /** Takes one piece; returns what may be shown by now. */
  add(path: string, piece: string): string {
    const text = (this.#held.get(path) ?? '') + piece;
    const cut = this.#cutOf(text);
    this.#held.set(path, text.slice(cut));
    return cut === 0 ? '' : this.#inspect(text.slice(0, cut));
  }

  /** Takes the last piece of a text; returns all that is left of it. */
  end(path: string, piece: string): string {
    const text = (this.#held.get(path) ?? '') + piece;
    this.#held.delete(path);
    return text === '' ? '' : this.#inspect(text);
  }

  /** What is left of the texts that have come to their end. */
  finish(isEnded: (path: string) => boolean): Map<string, string> {
    const rest = new Map<string, string>();
    for (const path of [...this.#held.keys()].filter(isEnded)) rest.set(path, this.end(path, ''));
    return rest;
  }

  /** Where the text can be cut so that no match lies across the place, nor may come to. */
  #cutOf(text: string): number {
    let cut = text.length;
    for (const detector of this.#detectors) {
      const open = detector.openFrom?.(text);
      cut = Math.min(cut, open ?? text.length, Math.max(0, text.length - detector.reach));
    }
    for (const detector of this.#detectors)
      for (const { start, end } of detector.find(text)) if (start < cut && end > cut) cut = start;
    // A character of two units stays whole.
    return cut > 0 && isHighSurrogate(text.charCodeAt(cut - 1)) ? cut - 1 : cut;
  }
}

const isHighSurrogate = (unit: number) => unit >= 0xd800 && unit <= 0xdbff;
