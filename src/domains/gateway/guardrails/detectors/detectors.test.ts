import { describe, expect, test } from 'vitest';
import { type Detector, masked } from './detector.ts';
import { keywordDetector } from './keywords.ts';
import { patternDetector } from './patterns.ts';
import { PERSONAL_DATA, personalDataDetector } from './personal-identifiers.ts';
import { secretDetector } from './secrets.ts';

const after = (detector: Detector, text: string) => masked(text, detector.find(text));

describe('GW-19 personal data', () => {
  const detector = personalDataDetector(PERSONAL_DATA);
  test.each([
    ['邮箱是 li.wei+a@example.com.cn，谢谢', '邮箱是 [EMAIL]，谢谢'],
    ['write to A_b%c@sub.example.org.', 'write to [EMAIL].'],
    ['电话13812345678。', '电话[PHONE]。'],
    ['+86 138-1234-5678 或 0086 13912345678', '[PHONE] 或 [PHONE]'],
    ['座机 010-62345678、（0755）26543210', '座机 [PHONE]、[PHONE]'],
    ['call (415) 555-2671 or 415.555.2671', 'call [PHONE] or [PHONE]'],
    ['UK +44 20 7946 0958!', 'UK [PHONE]!'],
    ['身份证11010519491231002X', '身份证[ID_CARD]'],
    ['SSN 078-05-1120', 'SSN [ID_CARD]'],
    ['卡号 6222 0200 0000 0000 008', '卡号 6222 0200 0000 0000 008'],
    ['card 4111-1111-1111-1111, thanks', 'card [BANK_CARD], thanks'],
    ['卡 6212261234567890128?', '卡 [BANK_CARD]?'],
  ])('%s', (text, expected) => {
    expect(after(detector, text)).toEqual(expected);
  });

  test.each([
    '订单 20240131000123456 已发货',
    'version 1.2.3, build 13812',
    '11010519491231002A',
    '110105194912310021',
    'ISBN 978-7-111-12345-6',
    'x@y',
    '1234567890123456',
    'SSN 000-12-3456',
    'the year 2024-05-06',
  ])('leaves %s', (text) => {
    expect(after(detector, text)).toBe(text);
  });

  test('looks for the wanted types alone', () => {
    const text = 'a@example.com 13812345678';
    expect(after(personalDataDetector(['phone']), text)).toBe('a@example.com [PHONE]');
  });
});

test.each([
  [`key sk-${'a1'.repeat(20)}.`, 'key [SECRET].'],
  [`AKIAIOSFODNN7EXAMPLE and ghp_${'x'.repeat(36)}`, '[SECRET] and [SECRET]'],
  ['LTAI5tQnKxGvPaBcDeFg12', '[SECRET]'],
  [`eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.${'s'.repeat(43)}`, '[SECRET]'],
  ['-----BEGIN RSA PRIVATE KEY-----\nMIIB\n-----END RSA PRIVATE KEY----- x', '[SECRET] x'],
  ['task-list and sk-short', 'task-list and sk-short'],
])('GW-19 secrets: %s', (text, expected) => {
  expect(after(secretDetector(), text)).toBe(expected);
});

test('GW-19 keywords: any case, whole words, Chinese anywhere, no syntax', () => {
  const detector = keywordDetector(['Bomb', '炸弹', 'a.b', 'C++']);
  expect(after(detector, 'bomb BOMBS 自制炸弹 a.b axb C++!')).toBe(
    '[KEYWORD] BOMBS 自制[KEYWORD] [KEYWORD] axb [KEYWORD]!',
  );
});

test('GW-19 patterns run in linear time, and a wrong one is refused', () => {
  expect(after(patternDetector(['项目-\\d{3}', '(?i)secret']), '项目-123 SECRET')).toBe(
    '[PATTERN] [PATTERN]',
  );
  // With backtracking this one would not end.
  expect(patternDetector(['(a+)+$']).find(`${'a'.repeat(5_000)}b`)).toEqual([]);
  expect(() => patternDetector(['(?<=x)y'])).toThrow();
  expect(() => patternDetector(['('])).toThrow();
});
