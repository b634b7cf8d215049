import { readFile } from 'node:fs/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Canary, findCanaries, judged, type Sink } from '../support/canary/canary.ts';
import { type EchoingUpstream, startEchoingUpstream } from '../support/canary/echoing-upstream.ts';
import { folderSinks } from '../support/canary/folder-sinks.ts';
import type { Installation } from '../support/servers/installation.ts';
import { CanaryDrive, newSecrets, type Planted, type Secrets } from './canary-drive.ts';
import { HOLDING_PLACES } from './canary-places.ts';
import { runLlamp } from './llamp-process.ts';

type Variables = Readonly<Record<string, string>>;

/** What a shape needs to be searched. */
export interface CanaryShape {
  readonly installation: Installation;
  /** What a command needs to find the same stores as the server. */
  readonly variables: Variables;
  /** Secrets that only this shape has. */
  readonly canaries: readonly Canary[];
  /** Every row of every table; the servers have stopped. */
  tables(): Promise<readonly Sink[]>;
}

export interface CanaryStart {
  readonly upstream: EchoingUpstream;
  readonly environment: Variables;
}

// Fourteen starts of a program, one after the other.
const COMMANDS_TIMEOUT_MS = 900_000;
const DECOY = 'CanaryDecoy3f1c7a5e9b2d4c6a8e0f';

/** No secret, hash or token anywhere but where it has to be. */
export function canarySuite(start: (options: CanaryStart) => Promise<CanaryShape>): void {
  const secrets = newSecrets();
  const sinks: Sink[] = [];
  let upstream: EchoingUpstream;
  let shape: CanaryShape;
  let planted: Planted;

  beforeAll(async () => {
    upstream = await startEchoingUpstream();
    shape = await start({ upstream, environment: environmentOf(secrets) });
  });
  afterAll(async () => {
    await shape?.installation.stop();
    await upstream?.close();
  });

  test('ID-8 everything that handles a secret is done, right and wrong', async () => {
    planted = await new CanaryDrive(shape.installation, secrets).run(upstream);
    sinks.push(...planted.answers);
    // The upstream must have got what it is trusted with, or its echo shows nothing.
    const received = upstream.received.join('\n');
    for (const { name, value } of [secrets.upstreamKey, secrets.providerCredential, secrets.prompt])
      expect(received.includes(value), name).toBe(true);
  });

  test('ID-8 commands are run, right and wrong', { timeout: COMMANDS_TIMEOUT_MS }, async () => {
    for (const instance of shape.installation.instances) await instance.stop();
    for (const [args, changes] of COMMANDS) {
      const { stdout, stderr } = await runLlamp(args, { ...shape.variables, ...changes });
      const shown = Object.keys(changes).join();
      const name = `command:${args.join(' ')} ${shown}`.trim();
      sinks.push({ name, bytes: Buffer.from(stdout + stderr) });
    }
    sinks.push(...(await shape.tables()));
    sinks.push(...(await folderSinks('folder', shape.installation.directory)));
  });

  test('ID-8 no sink holds a secret, a hash or a token that need not be there', () => {
    const link = { name: 'one-time link', value: linkToken(sinks) };
    const first = { name: 'first key', value: shape.installation.apiKey };
    const decoy = { name: 'decoy', value: DECOY };
    const canaries = [
      ...[...chosen(secrets), ...shape.canaries, ...planted.canaries],
      ...[link, first, decoy],
    ];
    expect(canaries.filter(({ value }) => value.length < 12)).toEqual([]);
    const { leaks, unused } = judged(findCanaries(canaries, sinks), HOLDING_PLACES);
    expect(leaks).toEqual([]);
    // A place that holds nothing would show that this test looks past it.
    expect(unused).toEqual([]);
  });

  test('ID-8 the search itself finds what is there', async () => {
    const [instance] = shape.installation.instances;
    const log = await readFile(instance?.logPath ?? '', 'utf8');
    expect(log).toContain('"log.level":"debug"');
    expect(sinks.length).toBeGreaterThan(200);
    const plain = { name: 'answer', value: 'echo-200' };
    expect(findCanaries([plain], sinks).length).toBeGreaterThan(0);
  });
}

// Each is the end of one way to start: with a right configuration, a wrong one, and stores that are away.
const COMMANDS: readonly [args: string[], changes: Variables][] = [
  [['config', 'print'], {}],
  [['config', 'print', '--json'], {}],
  [['config', 'check'], {}],
  [['config', 'check'], { LLAMP_SECRET_KEY: `${DECOY}-no-key` }],
  [['config', 'check'], { LLAMP_BOOTSTRAP_API_KEY: `sk-llamp-${DECOY}` }],
  [['config', 'check'], { DATABASE_URL: `postgres://${DECOY}:${DECOY}@[/llamp` }],
  [['config', 'check'], { LLAMP_SECRET_KAY: DECOY }],
  [['serve'], { DATABASE_URL: `postgres://llamp:${DECOY}@127.0.0.1:1/llamp` }],
  [['serve'], { LLAMP_SECRET_KEY: Buffer.from(DECOY).toString('base64') }],
  [['keys', 'list', '--json'], {}],
  [['users', 'list', '--json'], {}],
  [['users', 'link'], {}],
  [['audit', 'export'], {}],
  [['audit', 'verify'], {}],
];

/** Those that the test chooses; the drive adds what the server makes. */
const chosen = (secrets: Secrets): Canary[] => [
  secrets.upstreamKey,
  secrets.masterKey,
  secrets.password,
  secrets.providerCredential,
  secrets.prompt,
  secrets.fileText,
];

const environmentOf = (secrets: Secrets): Variables => ({
  LLAMP_LOG_LEVEL: 'debug',
  OPENAI_API_KEY: secrets.upstreamKey.value,
  LLAMP_SECRET_KEY: secrets.masterKey.value,
  LLAMP_BOOTSTRAP_ADMIN_EMAIL: secrets.email,
  LLAMP_BOOTSTRAP_ADMIN_PASSWORD: secrets.password.value,
});

function linkToken(sinks: readonly Sink[]): string {
  const printed = sinks.find(({ name }) => name === 'command:users link')?.bytes.toString();
  const token = /\/setup\?token=(\S+)/.exec(printed ?? '')?.[1];
  if (token === undefined) throw new Error(`no link: ${printed}`);
  return decodeURIComponent(token);
}
