import { chmod, mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { legVariable } from '../legs.ts';
import type { TestServer } from '../servers/test-server.ts';

/** One leg of this run: its address, or why it is left out. */
export interface LegInUse {
  readonly leg: TestServer['leg'];
  readonly install: string;
  readonly address?: string;
  readonly leftOut?: string;
  readonly startMs: number;
  stop(): Promise<void>;
}

/** Starts every wanted server that the machine has, side by side. Never rejects: a failed start is a reason. */
export async function startLegs(
  servers: readonly TestServer[],
  wanted: readonly string[] | undefined,
  directory: string,
): Promise<LegInUse[]> {
  return Promise.all(servers.map((server) => startLeg(server, wanted, directory)));
}

async function startLeg(
  server: TestServer,
  wanted: readonly string[] | undefined,
  directory: string,
): Promise<LegInUse> {
  const startedAt = performance.now();
  const inUse = (part: { address: string; stop(): Promise<void> } | { leftOut: string }) => ({
    leg: server.leg,
    install: server.install,
    startMs: performance.now() - startedAt,
    stop: async () => undefined,
    ...part,
  });
  if (wanted !== undefined && !wanted.includes(server.leg))
    return inUse({ leftOut: 'not asked for' });
  const found = await server.find();
  if ('missing' in found) return inUse({ leftOut: found.missing });
  try {
    const folder = await traversableFolder(join(directory, server.leg));
    return inUse(await server.start({ path: found.path, directory: folder }));
  } catch (error) {
    return inUse({ leftOut: `did not start: ${(error as Error).message}` });
  }
}

// A server that runs as another user must be able to reach its own folder.
async function traversableFolder(path: string): Promise<string> {
  await mkdir(path, { recursive: true });
  await chmod(path, 0o711);
  return path;
}

/** `LLAMP_TEST_LEG_…` variables for the legs that run. */
export function legVariables(legs: readonly LegInUse[]): Record<string, string> {
  const running = legs.flatMap(({ leg, address }) =>
    address === undefined ? [] : [[legVariable(leg), address] as const],
  );
  return Object.fromEntries(running);
}

/** One line per leg. */
export function legsTable(legs: readonly LegInUse[]): string {
  const lines = legs.map(({ leg, address, leftOut, startMs }) =>
    address === undefined
      ? `  ${leg.padEnd(14)} left out  ${firstLine(leftOut ?? '')}`
      : `  ${leg.padEnd(14)} runs      ${address}  (${(startMs / 1000).toFixed(1)} s)`,
  );
  return ['Servers for tests:', ...lines].join('\n');
}

/** The error for a run in which no leg may be missing, or undefined. */
export function missingLegs(legs: readonly LegInUse[]): string | undefined {
  const missing = legs.filter(({ address }) => address === undefined);
  if (missing.length === 0) return undefined;
  const lines = missing.map(
    ({ leg, leftOut, install }) => `  ${leg}: ${leftOut}\n    install it with: ${install}`,
  );
  return ['LLAMP_TEST_LEGS_REQUIRED=1 and these legs are missing:', ...lines].join('\n');
}

const firstLine = (text: string) => text.split('\n', 1)[0] ?? '';
