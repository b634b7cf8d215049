import { describe, expect, it } from 'vitest';
import { parseFile } from './parse.ts';
import { ParseFailure } from './parse-failure.ts';

const LIMITS = { textLengthMax: 1_000_000, pagesMax: 100 };
const parse = (filename: string, content: Uint8Array | string) =>
  parseFile(filename, typeof content === 'string' ? Buffer.from(content) : content, LIMITS);
const failure = async (filename: string, content: Uint8Array | string) => {
  const error: unknown = await parse(filename, content).then(
    () => undefined,
    (reason: unknown) => reason,
  );
  return error instanceof ParseFailure ? error.code : error;
};

/** A PDF of one line of text a page, written by hand. */
function tinyPdf(pages: readonly string[]): Uint8Array {
  const objects = [
    '<< /Type /Catalog /Pages 2 0 R >>',
    `<< /Type /Pages /Kids [${pages.map((_, i) => `${4 + i * 2} 0 R`).join(' ')}] /Count ${pages.length} >>`,
    '<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>',
    ...pages.flatMap((text, i) => {
      const stream = text === '' ? '' : `BT /F1 12 Tf 72 700 Td (${text}) Tj ET`;
      return [
        `<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Resources << /Font << /F1 3 0 R >> >> /Contents ${5 + i * 2} 0 R >>`,
        `<< /Length ${stream.length} >>\nstream\n${stream}\nendstream`,
      ];
    }),
  ];
  let text = '%PDF-1.4\n';
  const offsets = objects.map((object, index) => {
    const offset = text.length;
    text += `${index + 1} 0 obj\n${object}\nendobj\n`;
    return String(offset).padStart(10, '0');
  });
  const start = text.length;
  text += `xref\n0 ${objects.length + 1}\n0000000000 65535 f \n${offsets.map((o) => `${o} 00000 n \n`).join('')}`;
  text += `trailer\n<< /Size ${objects.length + 1} /Root 1 0 R >>\nstartxref\n${start}\n%%EOF\n`;
  return Buffer.from(text, 'latin1');
}

function utf16be(text: string): Buffer {
  return Buffer.from(text, 'utf16le').swap16();
}

describe('encodings', () => {
  const gb18030 = Buffer.from('d6aacab6bfe2a3bac4e3bac3a1a3', 'hex');
  it.each([
    ['UTF-8', Buffer.from('知识库 café'), '知识库 café'],
    ['UTF-8 with a mark', Buffer.from('\ufeff知识库'), '知识库'],
    ['UTF-16 little with a mark', Buffer.from('\ufeff知识 ok', 'utf16le'), '知识 ok'],
    ['UTF-16 big with a mark', utf16be('\ufeff知识 ok'), '知识 ok'],
    ['UTF-16 little without', Buffer.from('知识 ok', 'utf16le'), '知识 ok'],
    ['UTF-16 big without', utf16be('知识 ok'), '知识 ok'],
    ['GB18030', gb18030, '知识库：你好。'],
    ['Windows-1252', Buffer.from('a caf\xe9 in the street', 'latin1'), 'a café in the street'],
  ])('%s', async (_, bytes, text) => {
    expect((await parse('note.txt', bytes)).text).toBe(text);
  });

  it('drops what SQL cannot store and makes line ends one', async () => {
    expect((await parse('a.txt', 'one\r\ntwo\rthree')).text).toBe('one\ntwo\nthree');
  });
});

describe('formats', () => {
  it('reads HTML as Markdown without scripts and navigation', async () => {
    const html = `<html><head><title>T</title><style>p{}</style></head><body><nav>Menu</nav><h1>Head_ing</h1>
      <p>Text with <a href="https://example.com/">a link</a>.</p><ul><li>one<li>two</ul><script>bad()</script></body></html>`;
    const { text, isMarkdown } = await parse('page.html', html);
    expect(isMarkdown).toBe(true);
    expect(text).toContain('# Head_ing');
    expect(text).toContain('[a link](https://example.com/)');
    expect(text).not.toMatch(/Menu|bad\(\)|p\{\}/);
  });

  it('reads a fragment of HTML, and takes the title where no heading is', async () => {
    expect((await parse('x.htm', '<p>only <b>this</b></p>')).text).toBe('only **this**');
    const titled = '<html><head><title>Name</title></head><body><p>x</p></body></html>';
    expect((await parse('x.html', titled)).text).toBe('# Name\n\nx');
  });

  it('reads a PDF with its pages', async () => {
    const parsed = await parse('doc.pdf', tinyPdf(['First page here', 'Second page']));
    expect(parsed.text.slice(parsed.pageStarts[1]).trim()).toBe('Second page');
    expect(parsed.text).toContain('First page here');
    expect(parsed.pageStarts).toHaveLength(2);
  });

  it.each(['a.py', 'a.csv', 'a.json', 'noextension', 'a.unknown'])(
    'reads %s as text',
    async (name) => {
      expect((await parse(name, 'a,b\n1,2\n')).text).toBe('a,b\n1,2\n');
    },
  );
});

describe('failures', () => {
  it.each([
    ['empty', 'a.txt', '', 'invalid_file'],
    ['only white space', 'a.txt', ' \n\t', 'invalid_file'],
    ['a word processor file', 'a.docx', 'PK\u0003\u0004', 'unsupported_file'],
    ['an archive under another name', 'a.txt', 'PK\u0003\u0004rest', 'unsupported_file'],
    ['bytes', 'a.txt', Buffer.from([1, 2, 3, 0, 0, 7, 8, 200, 0, 0, 1, 2]), 'unsupported_file'],
    ['control characters', 'a.txt', '\u0001\u0002\u0003\u0004abc', 'unsupported_file'],
    ['not a PDF', 'a.pdf', 'hello', 'invalid_file'],
    ['a damaged PDF', 'a.pdf', '%PDF-1.7\nnothing more', 'invalid_file'],
    ['a PDF without text', 'a.pdf', tinyPdf(['']), 'invalid_file'],
    ['deep HTML', 'a.html', '<div>'.repeat(200_000), 'invalid_file'],
  ])('%s', async (_, name, content, code) => {
    expect(await failure(name, content)).toBe(code);
  });

  it('bounds the text and the pages', async () => {
    const error = parseFile('a.txt', Buffer.from('abcdef'), { textLengthMax: 5, pagesMax: 1 });
    await expect(error).rejects.toThrow('more than 5 characters');
    const pages = parseFile('a.pdf', tinyPdf(['a', 'b']), { textLengthMax: 50, pagesMax: 1 });
    await expect(pages).rejects.toThrow('more than 1 pages');
  });
});
