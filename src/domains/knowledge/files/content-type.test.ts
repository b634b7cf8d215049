import { describe, expect, it } from 'vitest';
import { contentDisposition, contentType, parseRange } from './content-type.ts';

describe('content headers', () => {
  it('types by extension', () => {
    expect(contentType('a.PDF')).toBe('application/pdf');
    expect(contentType('constructor')).toBe('application/octet-stream');
  });

  it('writes names of any script', () => {
    expect(contentDisposition('报告 "1".txt')).toBe(
      `attachment; filename="__ _1_.txt"; filename*=UTF-8''%E6%8A%A5%E5%91%8A%20%221%22.txt`,
    );
    expect(contentDisposition("it's(1)*.txt")).toContain("filename*=UTF-8''it%27s%281%29%2A.txt");
  });
});

describe('range', () => {
  it.each([
    [undefined, undefined],
    ['bytes=0-3', { start: 0, end: 3 }],
    ['bytes=5-', { start: 5, end: 9 }],
    ['bytes=-4', { start: 6, end: 9 }],
    ['bytes=-40', { start: 0, end: 9 }],
    ['bytes=8-99', { start: 8, end: 9 }],
    ['bytes=10-', 'unsatisfiable'],
    ['bytes=-0', 'unsatisfiable'],
    ['bytes=5-3', undefined],
    ['bytes=0-1,4-5', undefined],
    ['lines=0-1', undefined],
    ['bytes=-', undefined],
  ])('%s of ten bytes', (header, expected) => {
    expect(parseRange(header, 10)).toEqual(expected);
  });
});
