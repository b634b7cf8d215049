import { getDocumentProxy } from 'unpdf';
import { cleanText } from './decode.ts';
import type { ParsedText, ParseLimits } from './parsed-text.ts';
import { ParseFailure } from './parse-failure.ts';

type PdfDocument = Awaited<ReturnType<typeof getDocumentProxy>>;

const PAGE_GAP = '\n\n';

/** Text of a PDF page by page. A scan has none and is refused with a reason of its own. */
export async function readPdf(bytes: Uint8Array, limits: ParseLimits): Promise<ParsedText> {
  const document = await openPdf(bytes);
  if (document.numPages > limits.pagesMax)
    throw new ParseFailure('invalid_file', `The PDF has more than ${limits.pagesMax} pages.`);
  const pageStarts: number[] = [];
  let text = '';
  for (let number = 1; number <= document.numPages; number += 1) {
    pageStarts.push(text.length);
    text += `${await pageText(document, number)}${PAGE_GAP}`;
    // Checked page by page: a small file can expand to gigabytes.
    if (text.length > limits.textLengthMax) break;
  }
  if (text.trim() === '')
    throw new ParseFailure(
      'invalid_file',
      'The PDF holds no text; it may be a scan, which needs text recognition first.',
    );
  return { text, isMarkdown: false, pageStarts };
}

async function openPdf(bytes: Uint8Array): Promise<PdfDocument> {
  try {
    // A copy, since pdf.js refuses a Buffer and may detach what it is given. It prints warnings to the standard
    // output unless told otherwise.
    return await getDocumentProxy(new Uint8Array(bytes), { verbosity: 0 });
  } catch (error) {
    throw unreadable(error);
  }
}

async function pageText(document: PdfDocument, number: number): Promise<string> {
  try {
    const page = await document.getPage(number);
    const { items } = await page.getTextContent();
    page.cleanup();
    const lines = items.map((item) => ('str' in item ? item.str + (item.hasEOL ? '\n' : '') : ''));
    return cleanText(lines.join('')).trimEnd();
  } catch (error) {
    throw unreadable(error);
  }
}

function unreadable(error: unknown): ParseFailure {
  const name = error instanceof Error ? error.name : '';
  if (name === 'PasswordException')
    return new ParseFailure('invalid_file', 'The PDF is protected by a password.', error);
  return new ParseFailure('invalid_file', 'The PDF is damaged and cannot be read.', error);
}
