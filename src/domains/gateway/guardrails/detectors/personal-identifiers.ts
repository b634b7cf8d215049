import { type Detector, findShapes, type Shape } from './detector.ts';

export const PERSONAL_DATA = ['email', 'phone', 'id_card', 'bank_card'] as const;
export type PersonalData = (typeof PERSONAL_DATA)[number];

// The longest of them, with the domain of an e-mail address.
const REACH = 160;

/** Chinese and English forms. Numbers with a check digit count only when it is right. */
const SHAPES: Readonly<Record<PersonalData, readonly Shape[]>> = {
  email: [
    {
      label: 'EMAIL',
      pattern:
        /(?<![\w.%+-])[\w.%+-]{1,64}@(?:[A-Za-z0-9-]{1,63}\.){1,8}[A-Za-z]{2,24}(?![A-Za-z0-9])/g,
    },
  ],
  id_card: [
    {
      label: 'ID_CARD',
      pattern:
        /(?<!\d)[1-9]\d{5}(?:18|19|20)\d{2}(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])\d{3}[\dXx](?![\dA-Za-z])/g,
      isReal: isChineseId,
    },
    {
      label: 'ID_CARD',
      pattern: /(?<![\d-])(?!000|666|9\d\d)\d{3}-(?!00)\d{2}-(?!0000)\d{4}(?![\d-])/g,
    },
  ],
  bank_card: [
    {
      label: 'BANK_CARD',
      pattern: /(?<![\d+-])(?:[3-6]\d|2[2-7])(?:[ -]?\d){11,17}(?![\d-])/g,
      isReal: hasLuhnDigit,
    },
  ],
  phone: [
    { label: 'PHONE', pattern: /(?<!\d)(?:(?:\+|00)86[- ]?)?1[3-9]\d(?:[- ]?\d{4}){2}(?!\d)/g },
    { label: 'PHONE', pattern: /(?<!\d)0\d{2,3}[- ]\d{7,8}(?!\d)/g },
    { label: 'PHONE', pattern: /[(（]0\d{2,3}[)）][- ]?\d{7,8}(?!\d)/g },
    {
      label: 'PHONE',
      pattern:
        /(?<![\d+])(?:\+?1[-. ])?(?:\([2-9]\d{2}\) ?|[2-9]\d{2}[-. ])[2-9]\d{2}[-. ]\d{4}(?!\d)/g,
    },
    {
      label: 'PHONE',
      pattern: /(?<![\d+])\+\d{1,3}(?:[- ]?\d{2,4}){2,4}(?!\d)/g,
      isReal: (found) => /^(?:\D*\d){8,15}\D*$/.test(found),
    },
  ],
};
// A card is not taken for a telephone number.
const ORDER: readonly PersonalData[] = ['email', 'id_card', 'bank_card', 'phone'];

/** Finds telephone numbers, identity cards, bank cards and e-mail addresses. */
export function personalDataDetector(types: readonly PersonalData[]): Detector {
  const shapes = ORDER.filter((type) => types.includes(type)).flatMap((type) => SHAPES[type]);
  return { find: (text) => findShapes(shapes, text), reach: REACH };
}

/** The check character of GB 11643-1999 (ISO 7064, MOD 11-2). */
function isChineseId(id: string): boolean {
  let sum = 0;
  for (let index = 0; index < 17; index += 1) sum += Number(id[index]) * (2 ** (17 - index) % 11);
  return '10X98765432'[sum % 11] === id[17]?.toUpperCase();
}

/** ISO/IEC 7812, 13 to 19 digits. */
function hasLuhnDigit(found: string): boolean {
  const digits = found.replaceAll(/\D/g, '');
  if (digits.length < 13 || digits.length > 19) return false;
  let sum = 0;
  for (let index = 0; index < digits.length; index += 1) {
    const digit = Number(digits[digits.length - 1 - index]) * (1 + (index % 2));
    sum += digit > 9 ? digit - 9 : digit;
  }
  return sum % 10 === 0;
}
