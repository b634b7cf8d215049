/** Reads PostgreSQL's array text (`{1,NULL,"a\"b",{…}}`), each element through `parse`. */
export function parseArrayLiteral(text: string, parse: (element: string) => unknown): unknown[] {
  // Bounds that do not start at 1 are written before the elements: `[0:1]={…}`.
  const start = text.startsWith('[') ? text.indexOf('=') + 1 : 0;
  return parseLevel(text, start, parse).values;
}

interface Level {
  readonly values: unknown[];
  /** Index after the closing brace. */
  readonly end: number;
}

function parseLevel(text: string, start: number, parse: (element: string) => unknown): Level {
  const values: unknown[] = [];
  let index = start + 1;
  while (index < text.length && text[index] !== '}') {
    if (text[index] === ',') index += 1;
    const element = parseElement(text, index, parse);
    values.push(element.value);
    index = element.end;
  }
  return { values, end: index + 1 };
}

function parseElement(text: string, start: number, parse: (element: string) => unknown) {
  if (text[start] === '{') {
    const level = parseLevel(text, start, parse);
    return { value: level.values, end: level.end };
  }
  if (text[start] === '"') {
    const quoted = readQuoted(text, start + 1);
    return { value: parse(quoted.content), end: quoted.end };
  }
  let end = start;
  while (end < text.length && text[end] !== ',' && text[end] !== '}') end += 1;
  const content = text.slice(start, end);
  return { value: content === 'NULL' ? null : parse(content), end };
}

function readQuoted(text: string, start: number): { content: string; end: number } {
  let content = '';
  let index = start;
  while (index < text.length && text[index] !== '"') {
    if (text[index] === '\\') index += 1;
    content += text[index] ?? '';
    index += 1;
  }
  return { content, end: index + 1 };
}
