import { createHmac, generateKeyPairSync, type KeyObject, sign } from 'node:crypto';

export interface TokenMaker {
  readonly keyId: string;
  readonly privateKey: KeyObject;
  readonly publicKey: KeyObject;
  readonly issuer: string;
  readonly audience: string;
  readonly userId: string;
  readonly sessionId: string;
  /** Unix time. */
  readonly nowSeconds: number;
}

/** A token that is right, and many that are almost: named, each signed with the right key unless its name says otherwise. */
export function hostileTokens(maker: TokenMaker): {
  good: string;
  hostile: readonly (readonly [string, string])[];
} {
  const { nowSeconds: NOW, issuer, audience } = maker;
  const foreign = generateKeyPairSync('ed25519');
  const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const HEADER = { alg: 'EdDSA', typ: 'at+jwt', kid: maker.keyId };
  const PAYLOAD = {
    iss: issuer,
    aud: audience,
    sub: maker.userId,
    sid: maker.sessionId,
    jti: 'tok_1',
    iat: NOW,
    exp: NOW + 600,
  };
  const text = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url');
  const raw = (value: string) => Buffer.from(value).toString('base64url');
  const signed = (content: string, key: KeyObject = maker.privateKey) =>
    `${content}.${sign(null, Buffer.from(content), key).toString('base64url')}`;
  const made = (header: object, payload: object = PAYLOAD) =>
    signed(`${text(header)}.${text(payload)}`);
  const without = (name: keyof typeof PAYLOAD) =>
    Object.fromEntries(Object.entries(PAYLOAD).filter(([key]) => key !== name));
  const hmac = (secret: string | Buffer) => {
    const content = `${text({ ...HEADER, alg: 'HS256' })}.${text(PAYLOAD)}`;
    return `${content}.${createHmac('sha256', secret).update(content).digest('base64url')}`;
  };

  const good = made(HEADER);
  const [goodHeader = '', goodPayload = '', goodSignature = ''] = good.split('.');
  const jwk = maker.publicKey.export({ format: 'jwk' });
  const pem = maker.publicKey.export({ format: 'pem', type: 'spki' }).toString();
  const rsaContent = `${text({ ...HEADER, alg: 'RS256' })}.${text(PAYLOAD)}`;

  const hostile: readonly (readonly [string, string])[] = [
    ['nothing', ''],
    ['dots alone', '..'],
    ['one part', goodHeader],
    ['two parts', `${goodHeader}.${goodPayload}`],
    ['four parts', `${good}.${goodSignature}`],
    ['no signature', `${goodHeader}.${goodPayload}.`],
    ['alg none without signature', `${text({ ...HEADER, alg: 'none' })}.${goodPayload}.`],
    ['alg none, signed', made({ ...HEADER, alg: 'none' })],
    ['alg NONE', made({ ...HEADER, alg: 'NONE' })],
    ['alg in lower case', made({ ...HEADER, alg: 'eddsa' })],
    ['alg Ed448', made({ ...HEADER, alg: 'Ed448' })],
    ['alg missing', made({ typ: HEADER.typ, kid: HEADER.kid })],
    ['alg as a list', made({ ...HEADER, alg: ['EdDSA'] })],
    ['HS256 with the public key as PEM', hmac(pem)],
    ['HS256 with the raw public key', hmac(Buffer.from(jwk.x ?? '', 'base64url'))],
    [
      'RS256',
      `${rsaContent}.${sign('sha256', Buffer.from(rsaContent), rsa.privateKey).toString('base64url')}`,
    ],
    ['another key', signed(`${goodHeader}.${goodPayload}`, foreign.privateKey)],
    ['kid unknown', made({ ...HEADER, kid: 'key_2' })],
    ['kid missing', made({ alg: HEADER.alg, typ: HEADER.typ })],
    ['kid as a path', made({ ...HEADER, kid: '../../../../dev/null' })],
    ['kid with SQL', made({ ...HEADER, kid: "' or 1=1 --" })],
    ['kid __proto__', made({ ...HEADER, kid: '__proto__' })],
    ['kid as a number', made({ ...HEADER, kid: 1 })],
    ['typ JWT', made({ ...HEADER, typ: 'JWT' })],
    ['typ missing', made({ alg: HEADER.alg, kid: HEADER.kid })],
    ['jku', made({ ...HEADER, jku: 'https://example.com/jwks.json' })],
    ['x5u', made({ ...HEADER, x5u: 'https://example.com/cert.pem' })],
    ['jwk of the signer', made({ ...HEADER, jwk })],
    ['crit', made({ ...HEADER, crit: ['b64'] })],
    ['header is a list', made(['EdDSA', 'at+jwt', 'key_1'])],
    ['header is no JSON', signed(`${raw('{"alg"')}.${goodPayload}`)],
    ['header is null', signed(`${raw('null')}.${goodPayload}`)],
    [
      'duplicate alg',
      signed(
        `${raw(`{"alg":"none","alg":"EdDSA","typ":"at+jwt","kid":"${maker.keyId}"}`)}.${goodPayload}`,
      ),
    ],
    [
      'duplicate sub',
      signed(`${goodHeader}.${raw(`{"sub":"user_2",${JSON.stringify(PAYLOAD).slice(1)}`)}`),
    ],
    ['iss of another installation', made(HEADER, { ...PAYLOAD, iss: 'llamp:inst_other' })],
    ['iss with a slash', made(HEADER, { ...PAYLOAD, iss: `${issuer}/` })],
    ['iss missing', made(HEADER, without('iss'))],
    ['aud of another service', made(HEADER, { ...PAYLOAD, aud: 'other' })],
    ['aud as a list', made(HEADER, { ...PAYLOAD, aud: [audience] })],
    ['aud missing', made(HEADER, without('aud'))],
    ['sub missing', made(HEADER, without('sub'))],
    ['sub as an object', made(HEADER, { ...PAYLOAD, sub: {} })],
    ['sid missing', made(HEADER, without('sid'))],
    ['exp missing', made(HEADER, without('exp'))],
    ['exp as text', made(HEADER, { ...PAYLOAD, exp: String(PAYLOAD.exp) })],
    ['expired', made(HEADER, { ...PAYLOAD, iat: NOW - 700, exp: NOW - 61 })],
    ['from the future', made(HEADER, { ...PAYLOAD, iat: NOW + 120, exp: NOW + 600 })],
    ['lives too long', made(HEADER, { ...PAYLOAD, exp: NOW + 86_400 })],
    ['iat missing', made(HEADER, without('iat'))],
    ['payload is no JSON', signed(`${goodHeader}.${raw('hello')}`)],
    ['huge', made(HEADER, { ...PAYLOAD, padding: 'x'.repeat(100_000) })],
    ['payload changed', `${goodHeader}.${text({ ...PAYLOAD, sub: 'user_2' })}.${goodSignature}`],
    ['signature truncated', good.slice(0, -4)],
    ['signature padded', `${good}==`],
    ['not base64url', `${goodHeader}.${goodPayload}.${'+/'.repeat(43)}`],
    ['white space', `${goodHeader}. ${goodPayload}.${goodSignature}`],
  ];
  return { good, hostile };
}
