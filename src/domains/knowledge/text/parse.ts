import { decodeText } from './decode.ts';
import { fileKind } from './file-kind.ts';
import { htmlToMarkdown } from './html.ts';
import { ParseFailure } from './parse-failure.ts';
import type { ParsedText, ParseLimits } from './parsed-text.ts';
import { readPdf } from './pdf.ts';

/** The text of a file, or a `ParseFailure` that says in one sentence why there is none. */
export async function parseFile(
  filename: string,
  bytes: Uint8Array,
  limits: ParseLimits,
): Promise<ParsedText> {
  if (bytes.length === 0) throw new ParseFailure('invalid_file', 'The file is empty.');
  const parsed = await parseKind(filename, bytes, limits);
  if (parsed.text.length > limits.textLengthMax)
    throw new ParseFailure(
      'invalid_file',
      `The file holds more than ${limits.textLengthMax} characters of text.`,
    );
  if (parsed.text.trim() === '')
    throw new ParseFailure('invalid_file', 'No text could be extracted from the file.');
  return parsed;
}

async function parseKind(
  filename: string,
  bytes: Uint8Array,
  limits: ParseLimits,
): Promise<ParsedText> {
  const kind = fileKind(filename, bytes);
  if (kind === 'pdf') return await readPdf(bytes, limits);
  const text = decodeText(bytes);
  if (kind === 'html') return { text: htmlToMarkdown(text), isMarkdown: true, pageStarts: [] };
  return { text, isMarkdown: kind === 'markdown', pageStarts: [] };
}
