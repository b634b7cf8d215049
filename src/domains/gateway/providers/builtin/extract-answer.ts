import { isStopTerm, termsOf } from './lexical-terms.ts';

export interface ReadMessage {
  readonly role: string;
  readonly text: string;
}

const SENTENCE_END = /(?<=[.!?])\s+|(?<=[。！？；])\s*|\n+/u;
const QUESTION_MARK = /[?？]\s*$/u;
const LABEL = /^\s*(?:question|q|query|问题|问)\s*[:：]\s*/iu;
const HAN = /\p{Script=Han}/u;
/** Sentences that tell a model what to be are no knowledge. */
const INSTRUCTION = /^\s*(?:you are|you're|your task|你是|您是)/iu;

const ANSWER_SENTENCES_MAX = 3;
/** A sentence joins the best one when it scores at least this part of it. */
const RELATIVE_SCORE_MIN = 0.6;
// More text than this is read from its end: the nearest context matters most.
const TEXT_CHARACTERS_MAX = 400_000;

const NOTHING_TO_READ = {
  en:
    "I am Llamp's built-in extractive reader, not a language model: I answer only with sentences from the text that " +
    'comes with a question, and here I found none that fits. Connect an upstream model for real conversations.',
  zh:
    '我是 Llamp 内置的抽取式阅读器，不是语言模型：我只能用随问题一起提供的文本中的句子作答，而这里没有找到相关的句子。' +
    '如需真正的对话，请接入上游模型。',
};

/**
 * Answers with the sentences of the conversation that share the most and the rarest terms with its last question, in
 * the order of the text; says what it is when there are none. Deterministic.
 */
export function extractAnswer(messages: readonly ReadMessage[]): string {
  const { question, passages } = questionAndPassages(messages);
  const best = mostRelevant(question, passages);
  if (best.length > 0) return best.join(HAN.test(best[0] ?? '') ? '' : ' ');
  return NOTHING_TO_READ[HAN.test(question) ? 'zh' : 'en'];
}

function questionAndPassages(messages: readonly ReadMessage[]) {
  const last = messages.findLastIndex((message) => message.role === 'user');
  const own = sentencesOf(messages[last]?.text ?? '');
  const asked = questionIndex(own);
  const question = (own[asked] ?? '').replace(LABEL, '');
  const others = messages.filter((_, index) => index !== last);
  const text = others.map((message) => message.text).join('\n');
  const read = sentencesOf(text.slice(-TEXT_CHARACTERS_MAX));
  const passages = [...read, ...own.filter((_, index) => index !== asked)];
  return { question, passages: passages.filter((sentence) => !INSTRUCTION.test(sentence)) };
}

/** A labelled question, else the last sentence with a question mark, else the last sentence. */
function questionIndex(sentences: readonly string[]): number {
  const labelled = sentences.findLastIndex((sentence) => LABEL.test(sentence));
  if (labelled >= 0) return labelled;
  const marked = sentences.findLastIndex((sentence) => QUESTION_MARK.test(sentence));
  return marked >= 0 ? marked : sentences.length - 1;
}

function sentencesOf(text: string): string[] {
  return text
    .slice(-TEXT_CHARACTERS_MAX)
    .split(SENTENCE_END)
    .map((sentence) => sentence.trim())
    .filter((sentence) => sentence.length > 1);
}

function mostRelevant(question: string, passages: readonly string[]): string[] {
  const asked = new Set(contentTerms(question));
  const seen = new Set<string>();
  const candidates = passages.filter((passage) => {
    // Neither the question itself nor the same sentence twice.
    const fresh = passage !== question && !QUESTION_MARK.test(passage) && !seen.has(passage);
    seen.add(passage);
    return fresh;
  });
  const termSets = candidates.map((passage) => new Set(contentTerms(passage)));
  const rarity = rarityOf(asked, termSets);
  const scored = termSets.map((terms, index) => ({ index, score: score(terms, rarity) }));
  const best = Math.max(0, ...scored.map((one) => one.score));
  if (best === 0) return [];
  return scored
    .filter((one) => one.score >= best * RELATIVE_SCORE_MIN)
    .sort((left, right) => right.score - left.score || left.index - right.index)
    .slice(0, ANSWER_SENTENCES_MAX)
    .sort((left, right) => left.index - right.index)
    .flatMap((one) => candidates[one.index] ?? []);
}

function contentTerms(text: string): string[] {
  const { words, han } = termsOf(text);
  // Single characters match nearly everything in Chinese; pairs carry the meaning.
  return [...words, ...han.filter((term) => term.length > 1)].filter((term) => !isStopTerm(term));
}

function rarityOf(asked: ReadonlySet<string>, passages: readonly ReadonlySet<string>[]) {
  const rarity = new Map<string, number>();
  for (const term of asked) {
    const holders = passages.filter((terms) => terms.has(term)).length;
    if (holders > 0) rarity.set(term, Math.log(1 + passages.length / holders));
  }
  return rarity;
}

function score(terms: ReadonlySet<string>, rarity: ReadonlyMap<string, number>): number {
  let sum = 0;
  for (const [term, weight] of rarity) if (terms.has(term)) sum += weight;
  // Long sentences hold more terms by chance.
  return sum / (1 + Math.log1p(terms.size) / 10);
}
