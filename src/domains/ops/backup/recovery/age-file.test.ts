import { expect, test } from 'vitest';
import { decryptWithIdentity, encryptForRecipient } from './age-file.ts';
import {
  generateRecoveryKey,
  parseIdentityFile,
  parseRecipient,
  recipientOf,
} from './recovery-key.ts';

// Made with age 1.1.1 and age-keygen.
const RECIPIENT = 'age1e7c57hh0wqs6ylrpegx0x0d42qyaftnq32ff2y04vhtzsyxd7ahqrnkqrn';
const IDENTITY_FILE =
  '# recipient: age1e7c57hh0wqs6ylrpegx0x0d42qyaftnq32ff2y04vhtzsyxd7ahqrnkqrn\nAGE-SECRET-KEY-1NRN0W0ZYTG4PVTMM6PN80HHAX96M385ECWHCJZHCR5RE20H2JD9STUZPW2\n';
const FROM_AGE = [
  'YWdlLWVuY3J5cHRpb24ub3JnL3YxCi0+IFgyNTUxOSA5TktDMXVuNGh0cjY0MXl2aE84VllQaEh6OUsx',
  'bThWbHp6eWFaL29vVGxZCkxBaGJHTmFpa2o2Y29zUy9WSENROVoyTERxL3pPMXpVdkEzMjJrUUlibVUK',
  'LS0tIEQ4TTVJTVhiamFVakNPa2JuNGUwdmZvc3ptUTJGUk5vRklVcDRZMUJKczgKg8AddjV22TDdxYjM',
  'E/c7FW7+Ap88EhmWdoxSdbsM+7f0rImtw7mTpBw30fKCYAO6NwO+sPhA3A==',
].join('');

const [identity] = parseIdentityFile(IDENTITY_FILE);
if (identity === undefined) throw new Error('the file holds an identity');

test('OP-8 what the age command encrypted opens with the identity of its recipient', () => {
  expect(recipientOf(identity)).toBe(RECIPIENT);
  const opened = decryptWithIdentity(Buffer.from(FROM_AGE, 'base64'), identity);
  expect(opened?.toString()).toBe('a secret of some bytes\n');
});

test('a generated pair opens what was encrypted for it, and nobody else does', () => {
  const pair = generateRecoveryKey();
  const recipient = parseRecipient(pair.recipient);
  const [own] = parseIdentityFile(`# made now\n${pair.identity}\n`);
  if (recipient === undefined || own === undefined) throw new Error('the texts are keys');
  const file = encryptForRecipient(Buffer.from('32 bytes of a key'), recipient);
  expect(decryptWithIdentity(file, own)?.toString()).toBe('32 bytes of a key');
  expect(decryptWithIdentity(file, identity)).toBeUndefined();
});

test('one flipped bit anywhere keeps the file shut', () => {
  const recipient = parseRecipient(RECIPIENT);
  if (recipient === undefined) throw new Error('the text is a recipient');
  const file = encryptForRecipient(Buffer.from('a key'), recipient);
  for (let index = 0; index < file.length; index += 1) {
    const altered = Buffer.from(file);
    altered[index] = (altered[index] ?? 0) ^ 0x10;
    expect(decryptWithIdentity(altered, identity)?.toString(), `byte ${index}`).not.toBe('a key');
  }
});

test('a text with a wrong letter is no key', () => {
  expect(parseRecipient(RECIPIENT.replace('7', '8'))).toBeUndefined();
  expect(parseRecipient('age1')).toBeUndefined();
  expect(parseIdentityFile(IDENTITY_FILE.replace('Y', 'Z'))).toEqual([]);
});
