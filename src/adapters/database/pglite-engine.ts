import { PGlite, type Results } from '@electric-sql/pglite';
import { DatabaseError, type QueryResult } from '../../ports/database.ts';
import { DurableNodeFs } from './durable-node-fs.ts';
import { rolledBackError } from './engine-errors.ts';
import type { EngineModule } from './pglite-module.ts';
import { VALUE_PARSERS } from './sql-values.ts';

/** A statement whose parameters are PostgreSQL text already. */
export interface TextStatement {
  readonly sql: string;
  readonly parameters: readonly (string | null)[];
}

export interface EngineOptions {
  readonly directory: string;
  /** Compiled already; without it the engine is compiled again. */
  readonly module?: EngineModule;
  /** The engine can go on no longer: the process or thread must end now, without another acknowledgement. */
  readonly onFailure: (error: unknown) => void;
}

// PGlite's own parameters without -F, which turns fsync off. Of the WAL sync methods only `fsync` reaches our file
// system: fdatasync is an empty stub in this engine. 16 MB of buffers instead of 128 save as much memory.
const START_PARAMETERS = [
  ...PGlite.defaultStartParams.filter((parameter) => parameter !== '-F'),
  ...['-c', 'fsync=on', '-c', 'wal_sync_method=fsync', '-c', 'shared_buffers=16MB'],
];

/** The embedded PostgreSQL in this very thread: one session, one call at a time. */
export class PgliteEngine {
  readonly serverVersion: number;
  readonly #pglite: PGlite;
  readonly #files: DurableNodeFs;

  private constructor(pglite: PGlite, files: DurableNodeFs, serverVersion: number) {
    this.#pglite = pglite;
    this.#files = files;
    this.serverVersion = serverVersion;
  }

  static async open(options: EngineOptions): Promise<PgliteEngine> {
    const files = new DurableNodeFs(options.directory, options.onFailure);
    let panic = '';
    const onStderr = (line: string) => {
      const start = line.indexOf('PANIC');
      if (start >= 0) panic = line.slice(start);
      return false;
    };
    const pglite = new PGlite({
      fs: files,
      startParams: START_PARAMETERS,
      onStderr,
      pgliteWasmModule: options.module,
    });
    await pglite.waitReady;
    // After a PANIC (the log cannot be written, say) PGlite would call the dead engine again for ever.
    pglite.Module.onAbort = (reason: unknown) =>
      options.onFailure(new Error(panic || String(reason)));
    useOwnValues(pglite);
    const version = await pglite.query<{ version: string }>(
      "select current_setting('server_version_num') as version",
    );
    const engine = new PgliteEngine(pglite, files, Number(version.rows[0]?.version));
    await engine.#checkDurability();
    return engine;
  }

  /** One statement, or text of several when there are no parameters; always ends outside a failed transaction. */
  async runAlone(statement: TextStatement): Promise<QueryResult<unknown>> {
    try {
      return await this.run(statement);
    } catch (error) {
      // Text with its own `begin` leaves the only session in the doomed transaction otherwise.
      if (this.#pglite.isInTransaction()) await this.rollback();
      throw error;
    }
  }

  async run(statement: TextStatement): Promise<QueryResult<unknown>> {
    if (statement.parameters.length === 0)
      return joinedResult(await this.#pglite.exec(statement.sql));
    const result = await this.#pglite.query(statement.sql, [...statement.parameters]);
    return { rows: result.rows, affectedRows: result.affectedRows ?? 0 };
  }

  async runBatch(statements: readonly TextStatement[]): Promise<QueryResult<unknown>[]> {
    await this.begin();
    try {
      const results: QueryResult<unknown>[] = [];
      for (const statement of statements) results.push(await this.run(statement));
      await this.commit();
      return results;
    } catch (error) {
      if (this.#pglite.isInTransaction()) await this.rollback();
      throw error;
    }
  }

  async begin(): Promise<void> {
    await this.#pglite.exec('begin');
  }

  async commit(): Promise<void> {
    const results = await this.#pglite.exec('commit');
    if (results.at(-1)?.command === 'ROLLBACK') throw rolledBackError();
  }

  async rollback(): Promise<void> {
    await this.#pglite.exec('rollback');
  }

  onNotification(receive: (channel: string, payload: string) => void): void {
    this.#pglite.onNotification(receive);
  }

  async close(): Promise<void> {
    // The engine has no checkpointer; without this the next start would replay the log.
    await this.#pglite.exec('checkpoint');
    await this.#pglite.close();
  }

  async #checkDurability(): Promise<void> {
    const before = this.#files.syncCount;
    await this.#pglite.exec("select pg_logical_emit_message(true, 'llamp', 'durability check')");
    if (this.#files.syncCount === before) {
      await this.#pglite.close();
      throw new DatabaseError(
        'the embedded database does not sync its commits to disk: this build of PGlite is not supported',
        {},
      );
    }
  }
}

/** The rows of every statement of a text; pg-boss reads a RETURNING from between `begin` and `commit`. */
function joinedResult(results: readonly Results[]): QueryResult<unknown> {
  const [only] = results;
  const rows =
    results.length === 1 && only !== undefined ? only.rows : results.flatMap((r) => r.rows);
  // PGlite counts affected rows on through one text.
  return { rows, affectedRows: results.at(-1)?.affectedRows ?? 0 };
}

function useOwnValues(pglite: PGlite): void {
  for (const [oid, parse] of VALUE_PARSERS) pglite.parsers[oid] = parse;
  // Parameters arrive as text and PostgreSQL judges them; PGlite's own serializers refuse some with plain errors.
  for (const oid of Object.keys(pglite.serializers)) pglite.serializers[oid] = String;
}
