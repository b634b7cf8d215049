// Llamp beside a plain proxy, Nginx and nothing: node bench/gateway/run.ts [--rounds 3] [--only a,b] [--cells a,b]
//   [--seconds 3] [--warm-up 10]
// Needs Linux. The full shape needs PostgreSQL and Redis: those of DATABASE_URL and REDIS_URL, or installed ones that
// it starts itself. Prints a table of medians; docs/benchmarks.md says how to read it.
import { mkdtempSync, rmSync } from 'node:fs';
import { chmod } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { freePort, httpStatus } from '../../test/support/servers/loopback.ts';
import { startProcessGroup, waitUntilReady } from '../../test/support/servers/process-group.ts';
import { availableEntrants, type Entrant } from './entrants.ts';
import { CELLS, type CellName, type Measurement, measure, type Plan } from './measure.ts';
import { openStores } from './stores.ts';
import { resultTables } from './table.ts';

const UPSTREAM = fileURLToPath(new URL('upstream-main.ts', import.meta.url));
const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '3' },
    only: { type: 'string', default: '' },
    cells: { type: 'string', default: Object.keys(CELLS).join() },
    seconds: { type: 'string', default: '3' },
    'warm-up': { type: 'string', default: '10' },
  },
});
const print = (line: string) => process.stdout.write(`${line}\n`);
const note = (line: string) => process.stderr.write(`${line}\n`);

const directory = mkdtempSync(join(tmpdir(), 'llamp-bench-'));
process.once('exit', () => rmSync(directory, { recursive: true, force: true }));
await chmod(directory, 0o711);
await main();

async function main(): Promise<void> {
  const { DATABASE_URL: databaseUrl, REDIS_URL: redisUrl } = process.env;
  const stores = await openStores({ databaseUrl, redisUrl }, directory);
  if (stores === undefined) note('no PostgreSQL or no Redis here: the full shape is left out');
  const upstream = await startUpstream();
  try {
    const surroundings = { upstreamPort: upstream.port, directory, stores };
    const entrants = chosen(await availableEntrants(stores));
    const results = new Map<string, Measurement[]>(entrants.map(({ name }) => [name, []]));
    for (let round = 1; round <= Number(values.rounds); round += 1) {
      for (const entrant of entrants) {
        const measurement = await measure(entrant, surroundings, plan());
        results.get(entrant.name)?.push(measurement);
        note(`round ${round} ${entrant.name} load average ${measurement.loadAverage}`);
      }
    }
    print(resultTables(results));
  } finally {
    await upstream.stop();
    await stores?.stop();
  }
}

function plan(): Plan {
  const cells = values.cells.split(',') as CellName[];
  const unknown = cells.filter((name) => !(name in CELLS));
  if (unknown.length > 0) throw new Error(`unknown cells: ${unknown.join()}`);
  return { cells, seconds: Number(values.seconds), warmUpSeconds: Number(values['warm-up']) };
}

function chosen(entrants: readonly Entrant[]): readonly Entrant[] {
  const names = values.only.split(',').filter(Boolean);
  return names.length === 0 ? entrants : entrants.filter(({ name }) => names.includes(name));
}

async function startUpstream(): Promise<{ port: number; stop(): Promise<void> }> {
  const port = await freePort();
  const group = startProcessGroup({
    command: process.execPath,
    args: [UPSTREAM, String(port)],
    logPath: join(directory, 'upstream.log'),
  });
  const isReady = async () => (await httpStatus(`http://127.0.0.1:${port}/counts`)) === 200;
  await waitUntilReady('the upstream', group, isReady, 10_000);
  return { port, stop: group.stop };
}
