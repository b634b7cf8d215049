const RUN = /[\p{Script=Han}]+|[\p{L}\p{N}]+/gu;
const HAN = /^\p{Script=Han}/u;

// Words that say nothing about the subject. Han entries are pairs as the splitter makes them.
const STOP_WORDS: ReadonlySet<string> = new Set(
  (
    'a about after all also an and any are as at be because been before but by can could did do does for from had ' +
    'has have he her his how i if in into is it its me may more most my no not of on one or our out she should so ' +
    'some such than that the their them then there these they this those to up us was we were what when where which ' +
    'who whom whose why will with would you your please tell give answer question explain describe ' +
    '什么 怎么 如何 为什 哪个 哪些 哪里 是否 可以 请问 一下 我们 你们 他们 这个 那个 多少 是什 么是 的是'
  ).split(' '),
);
const STOP_CHARACTERS: ReadonlySet<string> = new Set(
  '的了是在和与及或吗呢吧啊有我你他她它这那个们就都也不么什请问',
);

export interface Terms {
  /** Words of alphabetic scripts, singular where that is easy to see. */
  readonly words: readonly string[];
  /** Han characters and their pairs. */
  readonly han: readonly string[];
}

/** The terms of a text, repeated as often as they occur, in the text's order. */
export function termsOf(text: string): Terms {
  const words: string[] = [];
  const han: string[] = [];
  for (const [run] of text.normalize('NFKC').toLowerCase().matchAll(RUN)) {
    if (HAN.test(run)) addHan(run, han);
    else words.push(singular(run));
  }
  return { words, han };
}

export function isStopTerm(term: string): boolean {
  return STOP_WORDS.has(term) || STOP_CHARACTERS.has(term);
}

function addHan(run: string, han: string[]): void {
  const characters = [...run];
  for (const [index, character] of characters.entries()) {
    han.push(character);
    const next = characters[index + 1];
    if (next !== undefined) han.push(character + next);
  }
}

function singular(word: string): string {
  const plural = word.length > 3 && word.endsWith('s') && !/(?:ss|us|is)$/.test(word);
  return plural ? word.slice(0, -1) : word;
}
