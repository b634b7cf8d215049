import { type KeyObject, sign, verify } from 'node:crypto';

export const ACCESS_TOKEN_LIFE_SECONDS = 600;
export const CLOCK_SKEW_SECONDS = 60;

const TOKEN_LENGTH_MAX = 2_048;
const ALGORITHM = 'EdDSA';
const TYPE = 'at+jwt';
const BASE64URL = /^[A-Za-z0-9_-]+$/;

export interface TokenParties {
  readonly issuer: string;
  readonly audience: string;
}

export interface AccessClaims {
  readonly userId: string;
  readonly sessionId: string;
}

export interface TokenSigner {
  readonly keyId: string;
  readonly privateKey: KeyObject;
}

/** An access token as RFC 9068 describes it, signed with Ed25519. */
export function signAccessToken(
  claims: AccessClaims & { tokenId: string; nowMs: number },
  parties: TokenParties,
  signer: TokenSigner,
): string {
  const issuedAt = Math.floor(claims.nowMs / 1000);
  const header = encode({ alg: ALGORITHM, typ: TYPE, kid: signer.keyId });
  const payload = encode({
    iss: parties.issuer,
    aud: parties.audience,
    sub: claims.userId,
    sid: claims.sessionId,
    jti: claims.tokenId,
    iat: issuedAt,
    exp: issuedAt + ACCESS_TOKEN_LIFE_SECONDS,
  });
  const signed = `${header}.${payload}`;
  return `${signed}.${sign(null, Buffer.from(signed), signer.privateKey).toString('base64url')}`;
}

/**
 * Whose token it is; null for every token that is not exactly one of ours and in force. The header may hold nothing
 * but `alg`, `typ` and `kid`, so that it can neither choose an algorithm nor bring or point to a key.
 */
export function verifyAccessToken(
  token: string,
  parties: TokenParties,
  { nowMs, findKey }: { nowMs: number; findKey: (keyId: string) => KeyObject | undefined },
): AccessClaims | null {
  if (token.length > TOKEN_LENGTH_MAX) return null;
  const [headerText = '', payloadText = '', signatureText = '', ...rest] = token.split('.');
  if (rest.length > 0) return null;
  const keyId = keyIdOf(decode(headerText));
  const key = keyId === null ? undefined : findKey(keyId);
  const signature = bytesOf(signatureText);
  if (key === undefined || signature === null) return null;
  if (!verify(null, Buffer.from(`${headerText}.${payloadText}`), key, signature)) return null;
  return claimsOf(decode(payloadText), parties, nowMs);
}

function keyIdOf(header: Record<string, unknown> | null): string | null {
  if (header === null || Object.keys(header).length !== 3) return null;
  const { alg, typ, kid } = header;
  return alg === ALGORITHM && typ === TYPE && typeof kid === 'string' ? kid : null;
}

function claimsOf(
  payload: Record<string, unknown> | null,
  parties: TokenParties,
  nowMs: number,
): AccessClaims | null {
  if (payload === null) return null;
  const { iss, aud, sub, sid, jti, iat, exp } = payload;
  if (iss !== parties.issuer || aud !== parties.audience) return null;
  if (typeof sub !== 'string' || typeof sid !== 'string' || typeof jti !== 'string') return null;
  if (!Number.isInteger(iat) || !Number.isInteger(exp)) return null;
  const now = nowMs / 1000;
  const isInForce =
    Number(iat) <= now + CLOCK_SKEW_SECONDS && now < Number(exp) + CLOCK_SKEW_SECONDS;
  const isShort = Number(exp) - Number(iat) <= ACCESS_TOKEN_LIFE_SECONDS;
  return isInForce && isShort ? { userId: sub, sessionId: sid } : null;
}

const encode = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');

// Ours are written by JSON.stringify: a text that does not come out the same again has duplicate keys or another writer.
function decode(text: string): Record<string, unknown> | null {
  const json = bytesOf(text)?.toString('utf8');
  if (json === undefined) return null;
  try {
    const value: unknown = JSON.parse(json);
    return isRecord(value) && JSON.stringify(value) === json ? value : null;
  } catch (error) {
    if (error instanceof SyntaxError) return null;
    throw error;
  }
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

// Decoding is lenient in Node; only the one canonical text for these bytes counts.
function bytesOf(text: string): Buffer | null {
  if (!BASE64URL.test(text)) return null;
  const bytes = Buffer.from(text, 'base64url');
  return bytes.toString('base64url') === text ? bytes : null;
}
