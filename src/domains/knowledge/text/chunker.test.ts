import { describe, expect, it } from 'vitest';
import { chunkText } from './chunker.ts';
import type { ParsedText } from './parsed-text.ts';
import { countTokens } from './token-count.ts';

const plain = (text: string): ParsedText => ({ text, isMarkdown: false, pageStarts: [] });
const markdown = (text: string): ParsedText => ({ text, isMarkdown: true, pageStarts: [] });

/** A small linear congruential generator: the same texts in every run. */
function generator(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (state * 1_103_515_245 + 12_345) % 2_147_483_648;
    return Math.floor((state / 2_147_483_648) * below);
  };
}

const FRAGMENTS = [
  ...[
    'word ',
    'Another sentence ends. ',
    '\n',
    '\n\n',
    '# Title\n',
    '## Part two\n',
    '```\n',
    '  \t',
  ],
  ...[
    '知识库',
    '检索增强生成。',
    '换行\n\n',
    '🚀',
    '𠮷野家',
    'x'.repeat(90),
    '===',
    '<|endoftext|>',
  ],
  ...['a.b.c ', '1,234.56 ', '\u3000', 'naïve café; ', '— “quoted”! ', '한국어 문장입니다. '],
];

function randomText(seed: number): string {
  const next = generator(seed);
  const parts = Array.from({ length: 20 + next(600) }, () => FRAGMENTS[next(FRAGMENTS.length)]);
  return parts.join('');
}

function uncovered(text: string, spans: readonly { charStart: number; charEnd: number }[]): string {
  let position = 0;
  let missing = '';
  for (const span of spans) {
    if (span.charStart > position) missing += text.slice(position, span.charStart);
    position = Math.max(position, span.charEnd);
  }
  return (missing + text.slice(position)).trim();
}

describe('any text', () => {
  it.each(Array.from({ length: 60 }, (_, seed) => seed))('seed %d', (seed) => {
    const text = randomText(seed + 1);
    const size = [
      { tokensMax: 100, overlapTokens: 0 },
      { tokensMax: 100, overlapTokens: 50 },
      { tokensMax: 300, overlapTokens: 120 },
    ][seed % 3] ?? { tokensMax: 100, overlapTokens: 0 };
    const chunks = chunkText(seed % 2 === 0 ? plain(text) : markdown(text), size);
    expect(uncovered(text, chunks)).toBe('');
    let before = -1;
    for (const chunk of chunks) {
      expect(text.slice(chunk.charStart, chunk.charEnd)).toBe(chunk.content);
      expect(chunk.content).toBe(chunk.content.trim());
      expect(chunk.content.isWellFormed()).toBe(true);
      expect(chunk.tokenCount).toBeLessThanOrEqual(size.tokensMax);
      expect(countTokens(chunk.content)).toBeLessThanOrEqual(size.tokensMax + 5);
      expect(chunk.charStart).toBeGreaterThan(before);
      before = chunk.charStart;
    }
  });

  it('is cut in time that does not grow with the square of an unbroken run', () => {
    const chunks = chunkText(plain('q'.repeat(400_000)), { tokensMax: 800, overlapTokens: 400 });
    expect(chunks.length).toBeGreaterThan(20);
  });
});

describe('structure', () => {
  it('keeps a short text whole', () => {
    const [chunk, ...rest] = chunkText(plain('  One line.\n'), {
      tokensMax: 800,
      overlapTokens: 400,
    });
    expect(rest).toEqual([]);
    expect(chunk).toMatchObject({ content: 'One line.', charStart: 2, charEnd: 11, page: null });
  });

  it('repeats about the asked overlap', () => {
    const sentence = 'The quick brown fox jumps over the lazy dog near the river bank. ';
    const chunks = chunkText(plain(sentence.repeat(200)), { tokensMax: 400, overlapTokens: 200 });
    for (const [index, chunk] of chunks.slice(1).entries()) {
      const shared = (chunks[index]?.charEnd ?? 0) - chunk.charStart;
      const tokens = shared / (sentence.length / countTokens(sentence));
      expect(tokens).toBeGreaterThan(120);
      expect(tokens).toBeLessThanOrEqual(205);
    }
  });

  it('tells the headings above a chunk, but those in code', () => {
    const body = 'Plain words that fill the section with something to read. '.repeat(30);
    const text = `# Guide\n\n${body}\n\n## Install\n\n${body}\n\n\`\`\`sh\n# not a heading\n\`\`\`\n\n# Other\n\n${body}`;
    const chunks = chunkText(markdown(text), { tokensMax: 200, overlapTokens: 0 });
    const paths = [...new Set(chunks.map((chunk) => chunk.headingPath))];
    expect(paths).toEqual(['Guide', 'Guide > Install', 'Other']);
    const inside = chunks.find(
      (chunk) => chunk.content.startsWith('Plain') && chunk.headingPath === 'Guide > Install',
    );
    expect(inside?.context).toBe('Guide > Install');
  });

  it('tells the page on which a chunk begins', () => {
    const page = 'Some words of a page. '.repeat(40);
    const parsed = {
      text: page + page + page,
      isMarkdown: false,
      pageStarts: [0, page.length, page.length * 2],
    };
    const chunks = chunkText(parsed, { tokensMax: 120, overlapTokens: 0 });
    expect(new Set(chunks.map((chunk) => chunk.page))).toEqual(new Set([1, 2, 3]));
    for (const chunk of chunks)
      expect(chunk.page).toBe(Math.floor(chunk.charStart / page.length) + 1);
  });
});
