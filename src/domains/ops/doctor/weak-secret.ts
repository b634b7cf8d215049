// What documentation, images and tutorials set; compared without case.
const KNOWN = new Set([
  'admin',
  'admin123',
  'administrator',
  'a-long-passphrase',
  'a-long-random-secret',
  'changeme',
  'change-me',
  'change_me',
  'default',
  'letmein',
  'llamp',
  'milvus',
  'minio',
  'minio123',
  'minioadmin',
  'password',
  'password123',
  'postgres',
  'redis',
  'root',
  'secret',
  'test',
  '123456',
  '12345678',
  '123456789012',
]);
const LENGTH_MIN = 8;
const DIFFERENT_CHARACTERS_MIN = 5;
const DIFFERENT_BYTES_MIN = 12;

/** A default, an example, something short, or the same few characters again and again. */
export function isWeakSecret(secret: string): boolean {
  const plain = secret.toLowerCase();
  return (
    secret.length < LENGTH_MIN ||
    KNOWN.has(plain) ||
    KNOWN.has(plain.replace(/[^a-z]+$/, '')) ||
    new Set(secret).size < DIFFERENT_CHARACTERS_MIN
  );
}

/** 32 random bytes have about 30 different ones; a key typed by hand or counted up has not. */
export function isWeakKey(key: Uint8Array): boolean {
  const isCounted = key.every((byte, at) => at === 0 || byte === (key[at - 1] ?? 0) + 1);
  return isCounted || new Set(key).size < DIFFERENT_BYTES_MIN;
}
