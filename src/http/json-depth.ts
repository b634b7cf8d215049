/** Far deeper than any body of ours, and far from the end of the stack of whoever walks it. */
export const JSON_DEPTH_MAX = 200;

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const OPENING = new Set([0x5b, 0x7b]);
const CLOSING = new Set([0x5d, 0x7d]);

/** Whether a JSON text nests arrays and objects deeper than that. Read without recursion. */
export function isTooDeep(text: string): boolean {
  // It takes a character to open each level and one to close it.
  if (text.length <= 2 * JSON_DEPTH_MAX) return false;
  let depth = 0;
  for (let position = 0; position < text.length; position++) {
    const character = text.charCodeAt(position);
    if (character === QUOTE) position = endOfText(text, position);
    else if (OPENING.has(character)) depth += 1;
    else if (CLOSING.has(character)) depth -= 1;
    if (depth > JSON_DEPTH_MAX) return true;
  }
  return false;
}

/** The position of the quote that ends the text which begins at `start`. */
function endOfText(text: string, start: number): number {
  for (let position = start + 1; position < text.length; position++) {
    const character = text.charCodeAt(position);
    if (character === QUOTE) return position;
    if (character === BACKSLASH) position += 1;
  }
  return text.length;
}
