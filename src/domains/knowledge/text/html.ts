import { parseHTML } from 'linkedom';
import TurndownService from 'turndown';
import { cleanText } from './decode.ts';
import { ParseFailure } from './parse-failure.ts';

// Pages of people nest a few dozen elements; turning to Markdown takes time that grows with the square of the depth.
const DEPTH_MAX = 512;
const INVISIBLE = 'script, style, noscript, template, svg, iframe, object, head, nav, [hidden]';

/** Headings, lists, links and code of a page as Markdown; scripts, styles and navigation are left out. */
export function htmlToMarkdown(html: string): string {
  refuseDeepNesting(html);
  try {
    const { document } = parseHTML(wholeDocument(html));
    const title = document.querySelector('title')?.textContent?.trim() ?? '';
    for (const element of document.querySelectorAll(INVISIBLE)) element.remove();
    const hasHeading = document.querySelector('h1') !== null;
    const body = converter().turndown(document.body);
    return cleanText(title === '' || hasHeading ? body : `# ${title}\n\n${body}`);
  } catch (error) {
    if (error instanceof RangeError) throw tooDeep();
    throw error;
  }
}

// By counting tags, since both libraries recurse. Tags that need no end (`<li>`, `<p>`) may follow each other for ever.
function refuseDeepNesting(html: string): void {
  let depth = 0;
  for (const [, slash] of html.matchAll(
    /<(\/?)(?:div|span|section|table|blockquote|ul|ol|b|i|font)\b/gi,
  )) {
    depth += slash === '/' ? -1 : 1;
    if (depth > DEPTH_MAX) throw tooDeep();
  }
}

function tooDeep(): ParseFailure {
  return new ParseFailure('invalid_file', 'The HTML is nested too deeply.');
}

// linkedom builds no body around a fragment.
function wholeDocument(html: string): string {
  return /<html[\s>]/i.test(html) ? html : `<!doctype html><html><body>${html}</body></html>`;
}

function converter(): TurndownService {
  const service = new TurndownService({ headingStyle: 'atx', codeBlockStyle: 'fenced' });
  // Escaped characters would show up in results and split words.
  service.escape = (text) => text;
  service.remove(['img' as never]);
  return service;
}
