import { readFileSync } from 'node:fs';

export interface GuideBlock {
  /** How the test runs it, or `not run`. */
  readonly mode: string;
  /** Why it is not run. */
  readonly reason: string;
  /** The commands as they stand in the page. */
  readonly text: string;
  readonly line: number;
}

const BLOCK = /(?:<!-- (?<marker>[^\n]*) -->\n)?```sh\n(?<text>[^]*?)```/g;

/** The commands of a page, each with the marker in the line above. */
export function guideBlocks(path: string): GuideBlock[] {
  const page = readFileSync(path, 'utf8');
  return [...page.matchAll(BLOCK)].map((match) => {
    const { marker = '', text = '' } = match.groups ?? {};
    const [mode = '', reason = ''] = marker.split(/: (.*)/s);
    return {
      mode: mode === 'run' ? reason : mode,
      reason: mode === 'run' ? '' : reason,
      text,
      line: page.slice(0, match.index).split('\n').length,
    };
  });
}

/** What stands between backquotes in the text, and the commands. */
export function namesIn(path: string): string {
  const page = readFileSync(path, 'utf8');
  const quoted = [...page.replace(/```[^]*?```/g, '').matchAll(/`([^`\n]+)`/g)];
  return [
    ...quoted.map(([, name]) => name ?? ''),
    ...guideBlocks(path).map(({ text }) => text),
  ].join('\n');
}

/** Relative links of a page. */
export function linksIn(path: string): string[] {
  const page = readFileSync(path, 'utf8');
  return [...page.matchAll(/\]\((?!https?:|#)([^)#]+)/g)].map(([, target]) => target ?? '');
}
