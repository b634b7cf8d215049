const TOKEN_CHARACTERS_MAX = 64;

// Words that nearly every English text holds; what is left of "don't" or "we'll" after the apostrophe counts too.
const STOP_WORDS: ReadonlySet<string> = new Set(
  (
    'a an and are as at be been but by can could did do does for from had has have he her his how i if in into is it ' +
    'its me my no not of on or our she should so such than that the their them then there these they this those to ' +
    'was we were what when where which while who whom whose why will with would you your s t d m ll re ve'
  ).split(' '),
);

/**
 * Tokens of one run of letters, digits and connectors as it stands in the text (its case still tells the humps of
 * camelCase). A compound such as `foo_bar`, `v1.2.3`, `parseHTTPRequest` or `node.js` is found as a whole and by
 * its parts; a plain word gives its stem.
 */
export function latinTokens(compound: string): string[] {
  const bare = withoutThousandsCommas(compound).replace(/['’]s$/iu, '');
  const parts = bare.split(/[^\p{L}\p{N}\p{M}]+/u).filter((part) => part !== '');
  const pieces = parts.flatMap(humps);
  const words = pieces.map(plainWord).filter((word) => !STOP_WORDS.has(word));
  const whole = wholeToken(bare, pieces);
  return whole === undefined ? words : [whole, ...words];
}

/** The compound as one token, or undefined when it is a plain word or a contraction ("don't", "l'eau"). */
function wholeToken(compound: string, pieces: readonly string[]): string | undefined {
  if (pieces.length === 1 && compound === pieces[0]) return undefined;
  if (/^[\p{L}\p{M}]+['’][\p{L}\p{M}]+$/u.test(compound)) return undefined;
  const whole = foldLatin(bounded(compound).toLowerCase()).replace(/^_+|_+$/gu, '');
  return whole === '' || (pieces.length === 1 && whole === pieces[0]) ? undefined : whole;
}

function plainWord(piece: string): string {
  return withoutPlural(foldLatin(bounded(piece).toLowerCase()));
}

function withoutThousandsCommas(compound: string): string {
  return compound.replaceAll(/(?<=\d),(?=\d{3})/gu, '');
}

/** parseHTTPRequest -> parse, HTTP, Request; iPhone15Pro -> i, Phone15, Pro. */
function humps(part: string): string[] {
  return part.split(/(?<=\p{Ll})(?=\p{Lu})|(?<=[\p{Lu}\p{N}])(?=\p{Lu}\p{Ll})/u);
}

/** café -> cafe, for people type it so. Only Latin: in other scripts the mark makes another letter. */
function foldLatin(word: string): string {
  if (/^[\p{ASCII}]*$/u.test(word) || !/\p{Script=Latin}/u.test(word)) return word;
  return word
    .normalize('NFD')
    .replace(/(?<=\p{Script=Latin}\p{M}*)\p{M}/gu, '')
    .normalize('NFC');
}

/** Harman's S-stemmer: only plurals, since a stronger one harms names and code. */
function withoutPlural(word: string): string {
  if (word.length < 4 || !/^[a-z]+s$/u.test(word)) return word;
  if (/[^ae]ies$/u.test(word)) return `${word.slice(0, -3)}y`;
  if (/(?:aes|ees|oes)$/u.test(word)) return word.slice(0, -1);
  return /(?:us|ss|is)$/u.test(word) ? word : word.slice(0, -1);
}

/** By code points, so that no pair of surrogates is cut. A longer token is found by its first part. */
function bounded(token: string): string {
  if (token.length <= TOKEN_CHARACTERS_MAX) return token;
  return [...token].slice(0, TOKEN_CHARACTERS_MAX).join('');
}
