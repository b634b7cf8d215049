import { delimiter, resolve } from 'node:path';
import { RUN_MARKER } from './leftovers.ts';

// What a developer has set for a running installation must not reach tests: they would work on its data.
const INSTALLATION_VARIABLES =
  /^(LLAMP_|DATABASE_URL|REDIS_URL|MINIO_|MILVUS_|OPENAI_|ANTHROPIC_|AWS_|PG[A-Z]+$|OTEL_)/;
const KEPT = new Set(['LLAMP_SERVERS_DIR', 'LLAMP_TEST_LEGS_REQUIRED', RUN_MARKER]);

/** The environment of every process that the runner starts: nothing of an installation, our Node first. */
export function testEnvironment(
  environment: NodeJS.ProcessEnv,
  additions: Record<string, string>,
): NodeJS.ProcessEnv {
  const kept = Object.entries(environment).filter(
    ([name]) => KEPT.has(name) || !INSTALLATION_VARIABLES.test(name),
  );
  const path = [resolve('node_modules/.bin'), environment['PATH'] ?? ''].join(delimiter);
  return { ...Object.fromEntries(kept), PATH: path, ...additions };
}
