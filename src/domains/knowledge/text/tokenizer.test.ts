import { describe, expect, it } from 'vitest';
import { createTokenizer } from './tokenizer.ts';

const tokenizer = createTokenizer();
const { words, characters } = tokenizer;

describe('Chinese', () => {
  it('finds words of the dictionary and the words inside them', () => {
    expect(words('如何重置密码？')).toEqual(['如何', '重置', '密码']);
    expect(words('2008年奥运会')).toEqual(['2008', '年', '奥运', '奥运会']);
  });

  it('gives characters and pairs, never across punctuation', () => {
    expect(characters('重置密码，请')).toEqual([
      '重',
      '重置',
      '置',
      '置密',
      '密',
      '密码',
      '码',
      '请',
    ]);
  });

  it('cuts an unknown name the same way in a question and in a text', () => {
    const name = words('魍魉锟斤').join(' ');
    expect(words('请问魍魉锟斤是谁').join(' ')).toContain(name);
  });

  it('keeps characters beyond the basic plane whole', () => {
    expect(characters('𠮷野')).toEqual(['𠮷', '𠮷野', '野']);
    expect(words('𠮷')).toEqual(['𠮷']);
  });

  it('splits mixed text at the change of script', () => {
    expect(words('用Docker部署Milvus向量库')).toEqual(
      expect.arrayContaining(['docker', '部署', 'milvus', '向量']),
    );
    expect(characters('用Docker部署')).toEqual(['用', 'docker', '部', '部署', '署']);
  });
});

describe('English', () => {
  it('lower-cases, drops stop words and plural endings', () => {
    expect(words('The Queries of two studies, 3 classes and a status')).toEqual([
      ...['query', 'two', 'study', '3', 'classe', 'status'],
    ]);
  });

  it('reads possessives and contractions as their words', () => {
    expect(words("John's dog doesn’t bite; l'eau")).toEqual([
      'john',
      'dog',
      'doesn',
      'bite',
      'l',
      'eau',
    ]);
  });

  it('finds accented words without their accents, and leaves other scripts alone', () => {
    expect(words('Café ÜBER naïve')).toEqual(['cafe', 'uber', 'naive']);
    expect(words('йод Ёлка')).toEqual(['йод', 'ёлка']);
  });

  it('reads thousands commas as part of the number', () => {
    expect(words('1,000,000 or 1,23 or 1234,567')).toEqual(['1000000', '1', '23', '1234567']);
  });
});

describe('code', () => {
  it.each([
    ['c++', ['c++', 'c']],
    ['C#', ['c#', 'c']],
    ['v1.2.3', ['v1.2.3', 'v1', '2', '3']],
    ['foo_bar', ['foo_bar', 'foo', 'bar']],
    ['AB-12', ['ab-12', 'ab', '12']],
    ['parseHTTPRequest', ['parsehttprequest', 'parse', 'http', 'request']],
    ['iPhone15Pro', ['iphone15pro', 'phone15', 'pro']],
    ['SIGNALS_PTR', ['signals_ptr', 'signal', 'ptr']],
    ['node.js', ['node.js', 'node', 'js']],
    ['__init__', ['init']],
    ['utf8', ['utf8']],
    ['app.on_event("start")', ['app.on_event', 'app', 'event', 'start']],
    ['user@example.com', ['user@example.com', 'user', 'example', 'com']],
    ['src/http/server.ts', ['src', 'http', 'server.ts', 'server', 'ts']],
    ['--dry-run', ['dry-run', 'dry', 'run']],
  ])('%s', (text, expected) => {
    expect(words(text)).toEqual(expected);
    expect(characters(text)).toEqual(expected);
  });
});

describe('other writing', () => {
  it('reads full-width forms, ligatures and compatibility signs as their plain form', () => {
    expect(words('ＡＢＣ１２３　ﬁle ㍿')).toEqual(['abc123', 'file', ...words('株式会社')]);
  });

  it('gives pairs for scripts without spaces', () => {
    expect(words('カタカナ')).toEqual(['カタ', 'タカ', 'カナ']);
    expect(words('한국어 ภาษา の')).toEqual(['한국', '국어', 'ภา', 'าษ', 'ษา', 'の']);
  });

  it('finds emoji one by one', () => {
    expect(words('👩‍👩‍👧 🚀 ok')).toEqual(['👩', '👩', '👧', '🚀', 'ok']);
  });

  it('is empty for nothing, spaces, punctuation and control characters', () => {
    for (const text of ['', ' \t\n　', '!?。，—()', '\u0000\u200b\ufeff', '_ __ -']) {
      expect(words(text)).toEqual([]);
      expect(characters(text)).toEqual([]);
    }
  });
});

describe('every token', () => {
  const hostile = [
    'lone \ud800 surrogate \udc00x 𠮷\ud842',
    'x'.repeat(5_000),
    `a${'\u0301'.repeat(20_000)}`,
    '𝒳'.repeat(300),
    `${'_'.repeat(50_000)}x`,
    'a.'.repeat(20_000),
    '锟'.repeat(20_000),
    'a\u00a0b\u3000c\u2028d\u2029e\u0085f\u180eg',
    'İstanbul ẞ ǅ ﬃ ½ ™',
  ];

  it('is bounded, well formed, lower case and free of white space', () => {
    for (const text of hostile) {
      for (const token of [...words(text), ...characters(text)]) {
        expect(token.length).toBeGreaterThan(0);
        expect([...token].length).toBeLessThanOrEqual(64);
        expect(token.isWellFormed()).toBe(true);
        expect(/[\s\p{Cc}\p{Z}]/u.test(token)).toBe(false);
      }
    }
  });

  it('comes out the same from another tokenizer', () => {
    const text = '重置密码 parseHTTPRequest 한국어 🚀';
    expect(createTokenizer().words(text)).toEqual(words(text));
  });
});
