import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { Config } from '../config/config.ts';
import { loadConfig } from '../config/load.ts';
import {
  type ArchiveStore,
  findBackup,
  type Manifest,
  recordedRun,
} from '../domains/ops/backup/index.ts';
import { silentLog } from '../lib/log.ts';
import { type DrillResult, runDrill } from '../run-drill.ts';
import { createContext, openDatabaseOnly } from '../runtime.ts';
import { readMasterKeys } from '../secret-key.ts';
import { openersOf, withArchive } from './backup-archive.ts';
import { firstTargetOf } from './backup-failure.ts';
import type { OpenerOptions } from './backup-options.ts';
import type { CommandContext } from './command-context.ts';
import { CommandError } from './exit-codes.ts';
import { version } from './version.ts';

/** Proves a backup by putting it back elsewhere, and writes the result into the installation that is configured. */
export async function drillArchive(
  { env, output }: CommandContext,
  id: string | undefined,
  options: OpenerOptions,
): Promise<void> {
  const config = loadConfig(env);
  const target = firstTargetOf(config, options.target);
  const drill = (store: ArchiveStore, manifest: Manifest) =>
    drillOnce(config, options, store, manifest);
  await withArchive(config, target, async (store) => {
    const manifest = await findBackup(store, id);
    let result: DrillResult | undefined;
    const isRecorded = await recorded(config, target, async () => {
      result = await drill(store, manifest);
      return manifest;
    });
    if (result === undefined) return;
    const { restored, probe } = result;
    if (options.json)
      return output.print(
        JSON.stringify({ event: 'drilled', target, recorded: isRecorded, ...restored, probe }),
      );
    output.print(
      `backup ${manifest.id} works: ${restored.rows} rows, ${restored.blobs} blobs, ready, ${probe.stores} vector stores searched`,
    );
    if (!isRecorded)
      output.print('the result is not recorded: no database of the installation is free');
  });
}

async function drillOnce(
  config: Config,
  { identity }: OpenerOptions,
  store: ArchiveStore,
  manifest: Manifest,
): Promise<DrillResult> {
  const interrupt = new AbortController();
  process.once('SIGINT', () => interrupt.abort(new CommandError('interrupted')));
  process.once('SIGTERM', () => interrupt.abort(new CommandError('interrupted')));
  const result = await runDrill(store, manifest, {
    openers: await openersOf(config, identity),
    secretKeys: await readMasterKeys(config),
    version: version(),
    signal: interrupt.signal,
  });
  const [first] = result.probe.failed;
  if (first !== undefined)
    throw new CommandError(
      `${result.probe.failed.length} vector stores do not answer; the first, ${first.storeId}: ${first.reason}`,
    );
  return result;
}

/** False when the drill ran and no database could be asked to remember it: another machine, or a running server. */
async function recorded(
  config: Config,
  target: string,
  work: () => Promise<Manifest>,
): Promise<boolean> {
  const runtime = createContext(config, silentLog);
  const isHere =
    config.database !== undefined || existsSync(join(config.dataDirectory, 'database'));
  const opened = isHere
    ? await openDatabaseOnly(runtime).catch((error: unknown) => {
        if (error instanceof Error && error.name === 'DataFolderInUseError') return undefined;
        throw error;
      })
    : undefined;
  if (opened === undefined) {
    await work();
    return false;
  }
  try {
    const { database } = opened;
    await recordedRun({ database, clock: runtime.clock }, { kind: 'drill', target }, work);
    return true;
  } finally {
    await opened.close();
  }
}
