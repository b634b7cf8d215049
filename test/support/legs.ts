import { describe } from 'vitest';

/**
 * A leg is a real server (or client) that some tests need. `test/run.ts` starts what it finds and passes the
 * address on in `LLAMP_TEST_LEG_<NAME>`; it prints which legs ran and which were left out and why.
 */
export const LEGS = {
  postgres: 'postgres://… URL of an empty PostgreSQL database whose user may create databases',
  redis: 'redis://… URL',
  minio: 'http://… endpoint of MinIO; access key llampadmin, secret key llampsecret123',
  versitygw: 'http://… endpoint of versitygw; the same keys',
  milvus: 'host:port of Milvus 2.3',
  'milvus-lite': 'host:port of milvus-lite 3.2',
  nginx: 'path of the nginx binary',
  helm: 'path of the helm binary',
  'kubernetes-validate':
    'path of the kubernetes-validate program, which carries the schemas of Kubernetes',
  prometheus: 'path of the prometheus binary; promtool lies beside it',
  'openai-python': 'path of a Python interpreter that can import openai',
  'anthropic-python': 'path of a Python interpreter that can import anthropic',
} as const;

export type Leg = keyof typeof LEGS;

/** Name of the environment variable that carries the address of a leg. */
export const legVariable = (leg: Leg) => `LLAMP_TEST_LEG_${leg.toUpperCase().replaceAll('-', '_')}`;

/** Address of a leg that runs, or undefined. */
export function legAddress(leg: Leg): string | undefined {
  return process.env[legVariable(leg)];
}

/**
 * `describe` for tests that need legs. With LLAMP_TEST_LEGS_REQUIRED=1 (continuous integration) a missing leg fails
 * the suite instead of leaving it out.
 */
export function describeWithLegs(
  title: string,
  legs: readonly Leg[],
  suite: (addresses: Record<Leg, string>) => void,
): void {
  const missing = legs.filter((leg) => legAddress(leg) === undefined);
  if (missing.length > 0 && process.env['LLAMP_TEST_LEGS_REQUIRED'] === '1') {
    throw new Error(`required legs are missing: ${missing.join(', ')}`);
  }
  const addresses = Object.fromEntries(legs.map((leg) => [leg, legAddress(leg)]));
  const reason = missing.length === 0 ? '' : ` [needs ${missing.join(', ')}]`;
  describe.skipIf(missing.length > 0)(`${title}${reason}`, () =>
    suite(addresses as Record<Leg, string>),
  );
}

export const S3_TEST_CREDENTIALS = { accessKey: 'llampadmin', secretKey: 'llampsecret123' };
