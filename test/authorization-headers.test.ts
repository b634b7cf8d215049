import { generateKeyPairSync, type KeyObject } from 'node:crypto';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { expect, test } from 'vitest';
import { systemClock } from '../src/adapters/clock/system.ts';
import { openKeyDirectory } from '../src/domains/identity/index.ts';
import type { LiveKeyRow } from '../src/domains/identity/key-repository.ts';
import {
  signAccessToken,
  verifyAccessToken,
} from '../src/domains/identity/sign-in/access-token.ts';
import { type Authenticate, requireAuthentication } from '../src/http/authentication.ts';
import { generateApiKey, hashApiKey } from '../src/lib/api-key.ts';
import { AppError } from '../src/lib/app-error.ts';
import { silentLog } from '../src/lib/log.ts';
import type { Database } from '../src/ports/database.ts';
import { randomOf, type Random } from './support/fuzz/random.ts';
import { authorizationValue } from './support/fuzz/raw-requests.ts';

const HEADERS = 100_000;
const SEED = Number(process.env['FUZZ_SEED'] ?? 20_261_125);
const PARTIES = { issuer: 'llamp', audience: 'llamp' };
const NOW_MS = 1_800_000_000_000;

test(`ID-3 ID-7 ${HEADERS} Authorization headers: each is refused as a wrong key, and nothing else happens`, {
  timeout: 120_000,
}, async () => {
  const right = generateApiKey();
  const { publicKey, privateKey } = generateKeyPairSync('ed25519');
  const claims = { userId: 'user_1', sessionId: 'sess_1', tokenId: 'tok_1', nowMs: NOW_MS };
  const token = signAccessToken(claims, PARTIES, { keyId: 'k', privateKey });
  const directory = await openKeyDirectory({
    database: databaseWith(right),
    clock: systemClock,
    log: silentLog,
  });
  const ask = askerOf((credential) =>
    credential.startsWith('eyJ')
      ? holderOf(credential, publicKey)
      : directory.authenticate(credential),
  );
  const random = randomOf(SEED);
  for (let count = 0; count < HEADERS; count++) {
    const value = wrongValue(random, [right, token]);
    const fault = faultOf(ask(value));
    if (fault !== undefined) expect.fail(`FUZZ_SEED=${SEED} ${JSON.stringify(value)}: ${fault}`);
  }
  expect(ask(`Bearer ${right}`)).toBe('let in');
  expect(ask(`Bearer ${token}`)).toBe('let in');
  await directory.close();
});

function faultOf(outcome: unknown): string | undefined {
  if (!(outcome instanceof AppError)) return String(outcome);
  if (outcome.status !== 401 || outcome.code !== 'invalid_api_key') return outcome.code;
  return outcome.message.length > 200 ? `a long message: ${outcome.message}` : undefined;
}

/** Anything, and right credentials with something of them changed. */
function wrongValue(random: Random, right: readonly string[]): string {
  if (random.chance(0.6)) return authorizationValue(random);
  const credential = random.pick(right);
  const at = random.integer(credential.length);
  const other = String.fromCharCode(33 + random.integer(94));
  const changed = random.pick([
    `${credential.slice(0, at)}${other}${credential.slice(at + 1)}`,
    `${credential.slice(0, at)}${credential.slice(at + 1)}`,
    `${credential}${other}`,
    credential.slice(0, at),
    credential.toUpperCase(),
  ]);
  const value = `Bearer ${changed}`;
  return right.includes(changed) ? `${value}x` : value;
}

function holderOf(token: string, publicKey: KeyObject): ReturnType<Authenticate> {
  const findKey = (keyId: string) => (keyId === 'k' ? publicKey : undefined);
  const claims = verifyAccessToken(token, PARTIES, { nowMs: NOW_MS, findKey });
  if (claims === null) return null;
  return {
    kind: 'user',
    organizationId: 'o',
    projectId: 'p',
    apiKeyId: null,
    userId: claims.userId,
    scopes: [],
  };
}

/** Calls the check that runs before each request, without a server around it. */
function askerOf(authenticate: Authenticate): (authorization: string) => unknown {
  type Check = (request: FastifyRequest, reply: FastifyReply, done: () => void) => void;
  let check: Check | undefined;
  const app = {
    decorateRequest: () => undefined,
    addHook: (name: string, hook: Check) => {
      if (name === 'onRequest') check = hook;
    },
  };
  requireAuthentication(app as unknown as FastifyInstance, authenticate);
  return (authorization) => {
    const request = {
      headers: { authorization },
      is404: false,
      routeOptions: { config: { access: 'authenticated' } },
    };
    let outcome: unknown = 'nothing';
    try {
      check?.(request as unknown as FastifyRequest, {} as FastifyReply, () => {
        outcome = 'let in';
      });
    } catch (error) {
      outcome = error;
    }
    return outcome;
  };
}

/** Holds one key. */
function databaseWith(key: string): Database {
  const row: LiveKeyRow = {
    id: 'key_1',
    key_hash: hashApiKey(key),
    project_id: 'p',
    organization_id: 'o',
    created_by: null,
    scopes: [],
    models: null,
    allowed_addresses: null,
    expires_at: null,
  };
  const execute = async ({ sql }: { sql: string }) => ({
    rows: sql.includes('api_keys') ? [row] : [],
    affectedRows: 0,
  });
  return { execute, listen: async () => async () => undefined } as unknown as Database;
}
