import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Command, InvalidArgumentError } from 'commander';
import { loadConfig } from '../config/load.ts';
import type { Environment } from '../config/mistakes.ts';
import {
  type Checkpoint,
  exportEvents,
  keyFingerprint,
  parseCheckpoint,
  readCheckpoints,
  sqlSealedLog,
  type Verification,
  verifyChain,
} from '../domains/audit/index.ts';
import { silentLog } from '../lib/log.ts';
import { createContext, openStores, type Stores } from '../runtime.ts';
import { startFailure } from '../start-failure.ts';
import type { CommandContext } from './command-context.ts';
import { CommandError } from './exit-codes.ts';

interface VerifyOptions {
  readonly from?: number;
  readonly to?: number;
  readonly checkpoints?: string;
  readonly json?: true;
}

interface ExportOptions {
  readonly from?: Date;
  readonly to?: Date;
}

export function addAuditCommands(program: Command, context: CommandContext): void {
  const audit = program
    .command('audit')
    .description('who did what; an embedded server must be stopped, or use /api/v1/audit');
  addVerify(audit, context);
  addExport(audit, context);
}

function addVerify(audit: Command, { env, output }: CommandContext): void {
  audit
    .command('verify')
    .description('prove that nothing was edited, deleted, inserted, reordered or cut off')
    .option('--from <number>', 'first number of the chain', parseNumber)
    .option('--to <number>', 'last number of the chain', parseNumber)
    .option('--checkpoints <folder>', 'copies of checkpoints instead of those in the blob store')
    .option('--json', 'print JSON')
    .action(async (options: VerifyOptions) => {
      const { verification, keys } = await withStores(env, (stores) => verify(stores, options));
      if (options.json)
        output.json({ ...verification, finding: verification.finding ?? null, keys });
      else for (const line of linesOf(verification, keys)) output.print(line);
      const { finding } = verification;
      if (finding !== undefined)
        throw new CommandError(`${finding.kind} at number ${finding.seq}: ${finding.detail}`);
    });
}

function addExport(audit: Command, { env, output }: CommandContext): void {
  audit
    .command('export')
    .description('print the events as lines of JSON, oldest first, each with its seal')
    .option('--from <time>', 'first moment, ISO 8601', parseTime)
    .option('--to <time>', 'end, exclusive', parseTime)
    .action(async (options: ExportOptions) => {
      await withStores(env, async ({ database }) => {
        for await (const page of exportEvents(database, options)) output.print(page.trimEnd());
      });
    });
}

async function verify({ database, blobs }: Stores, options: VerifyOptions) {
  const { checkpoints: folder, from: fromSeq, to: toSeq } = options;
  const checkpoints =
    folder === undefined ? (await readCheckpoints(blobs)).checkpoints : await checkpointsIn(folder);
  const verification = await verifyChain(sqlSealedLog(database), checkpoints, { fromSeq, toSeq });
  const publicKeys = new Set(checkpoints.flatMap((one) => one.public_key ?? []));
  return { verification, keys: [...publicKeys].map(keyFingerprint) };
}

async function checkpointsIn(folder: string): Promise<Checkpoint[]> {
  const names = (await readdir(folder)).filter((name) => name.endsWith('.json')).sort();
  return Promise.all(
    names.map(async (name) => {
      const checkpoint = parseCheckpoint(await readFile(join(folder, name), 'utf8'));
      if (checkpoint === undefined)
        throw new CommandError(`${join(folder, name)} is no checkpoint`);
      return checkpoint;
    }),
  );
}

function linesOf({ verified, checkpoints, finding }: Verification, keys: readonly string[]) {
  const { signed, unsigned } = checkpoints;
  return [
    `${verified} events proven; checkpoints: ${signed} signed, ${unsigned} unsigned`,
    `signed by: ${keys.join(', ') || '-'}`,
    ...(finding === undefined ? ['nothing was changed'] : []),
  ];
}

async function withStores<T>(env: Environment, work: (stores: Stores) => Promise<T>): Promise<T> {
  const config = loadConfig(env);
  try {
    const stores = await openStores(createContext(config, silentLog), 'command');
    try {
      return await work(stores);
    } finally {
      await stores.close();
    }
  } catch (error) {
    throw startFailure(error, config.dataDirectory);
  }
}

function parseNumber(text: string): number {
  const number = Number(text);
  if (!Number.isSafeInteger(number) || number < 1) throw new InvalidArgumentError('give 1 or more');
  return number;
}

function parseTime(text: string): Date {
  const time = new Date(text);
  if (Number.isNaN(time.getTime()))
    throw new InvalidArgumentError('give a time such as 2026-11-25');
  return time;
}
