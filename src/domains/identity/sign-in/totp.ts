import { createHmac, timingSafeEqual } from 'node:crypto';

const STEP_SECONDS = 30;
const DIGITS = 6;
// The clock of a phone may be one step off in either direction.
const DRIFT_STEPS = [0, -1, 1];
const BASE32 = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567';

export const TOTP_SEED_BYTES = 20;

/** The number of the 30-second step that `nowMs` lies in. */
export const totpStep = (nowMs: number): number => Math.floor(nowMs / 1000 / STEP_SECONDS);

/** The six digits of a step, as RFC 6238 and RFC 4226 compute them, with the SHA-1 that authenticators expect. */
export function totpCode(seed: Uint8Array, step: number): string {
  const counter = Buffer.alloc(8);
  counter.writeBigUInt64BE(BigInt(step));
  const digest = createHmac('sha1', seed).update(counter).digest();
  const offset = digest.readUInt8(digest.length - 1) & 0x0f;
  const number = (digest.readUInt32BE(offset) & 0x7fffffff) % 10 ** DIGITS;
  return String(number).padStart(DIGITS, '0');
}

/** The step whose code this is, now or one step beside it; undefined when it is none of them. */
export function matchingStep(seed: Uint8Array, code: string, nowMs: number): number | undefined {
  if (!/^\d{6}$/.test(code)) return undefined;
  const given = Buffer.from(code);
  return DRIFT_STEPS.map((drift) => totpStep(nowMs) + drift).find((step) =>
    timingSafeEqual(given, Buffer.from(totpCode(seed, step))),
  );
}

/** As people type it into an authenticator. */
export function base32(bytes: Uint8Array): string {
  let text = '';
  let [bits, value] = [0, 0];
  for (const byte of bytes) {
    value = ((value << 8) | byte) & 0xfff;
    bits += 8;
    for (; bits >= 5; bits -= 5) text += BASE32.charAt((value >>> (bits - 5)) & 31);
  }
  return bits === 0 ? text : text + BASE32.charAt((value << (5 - bits)) & 31);
}

/** What an authenticator reads from a picture. */
export function totpUri(seed: Uint8Array, email: string): string {
  const label = encodeURIComponent(`Llamp:${email}`);
  return `otpauth://totp/${label}?secret=${base32(seed)}&issuer=Llamp&algorithm=SHA1&digits=${DIGITS}&period=${STEP_SECONDS}`;
}
