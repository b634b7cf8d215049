import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { Jieba } from '@node-rs/jieba';
import { latinTokens } from './latin-tokens.ts';

/** Goes into every record that holds tokens: rows made by another version must be made again, not mixed. */
export const TOKENIZER_VERSION = 'zhen-v1';

export interface Tokenizer {
  /** Words of a dictionary (Han, search mode) and Latin words, in order of the text, with repetitions. */
  words(text: string): string[];
  /** Han characters and pairs of neighbours, and the same Latin words, with repetitions. */
  characters(text: string): string[];
}

// Scripts that write no spaces and for which no dictionary ships, and Hangul, whose endings stick to the word.
const UNSPACED =
  '[\\p{Script=Hiragana}\\p{Script=Katakana}ー\\p{Script=Hangul}\\p{Script=Thai}\\p{Script=Lao}\\p{Script=Khmer}\\p{Script=Myanmar}]';
const WORD = `(?:(?!\\p{Script=Han}|${UNSPACED})[\\p{L}\\p{N}\\p{M}_])`;
const COMPOUND = `${WORD}+(?:[.\\-'’@]${WORD}+|,\\d{3}(?!\\d))*(?:\\+\\+|#)?`;
const RUNS = `(?<han>\\p{Script=Han}+)|(?<unspaced>${UNSPACED}+)|(?<compound>${COMPOUND})|(?<picture>\\p{Extended_Pictographic})`;

/**
 * The platform's one tokenizer: whatever is indexed or asked passes through it, so that every vector index sees the
 * same tokens. Pure and deterministic; loads the dictionary at the first Han character (5 MB, about 0.2 s).
 */
export function createTokenizer(): Tokenizer {
  const segment = lazySegmenter();
  return {
    words: (text) => tokens(text, segment),
    characters: (text) => tokens(text, unigramsAndBigrams),
  };
}

function tokens(text: string, splitHan: (run: string) => string[]): string[] {
  const found: string[] = [];
  // A lone surrogate cannot be sent as UTF-8; as U+FFFD it belongs to no run and disappears.
  const normalized = text.toWellFormed().normalize('NFKC');
  for (const { groups } of normalized.matchAll(new RegExp(RUNS, 'gu'))) {
    if (groups?.['han'] !== undefined) append(found, splitHan(groups['han']));
    else if (groups?.['unspaced'] !== undefined) append(found, bigrams(groups['unspaced']));
    else if (groups?.['compound'] !== undefined) append(found, latinTokens(groups['compound']));
    else if (groups?.['picture'] !== undefined) found.push(groups['picture']);
  }
  return found;
}

// Spreading a run of a whole book into push() would overflow the stack.
function append(target: string[], more: readonly string[]): void {
  for (const token of more) target.push(token);
}

function lazySegmenter(): (run: string) => string[] {
  let jieba: Jieba | undefined;
  return (run) => {
    jieba ??= Jieba.withDict(readFileSync(dictionaryPath()));
    // Without the hidden Markov model, which guesses unknown names from their neighbours: a question and the text
    // would cut the same name differently. Unknown words become single characters, the same everywhere.
    return jieba.cutForSearch(run, false);
  };
}

// The package's own `dict.js` would read a second file of 6 MB, and both at import.
function dictionaryPath(): string {
  return createRequire(import.meta.url).resolve('@node-rs/jieba/dict.txt');
}

function unigramsAndBigrams(run: string): string[] {
  const characters = [...run];
  return characters.flatMap((character, index) => {
    const next = characters[index + 1];
    return next === undefined ? [character] : [character, character + next];
  });
}

function bigrams(run: string): string[] {
  const characters = [...run];
  if (characters.length === 1) return characters;
  return characters.slice(1).map((character, index) => `${characters[index]}${character}`);
}
