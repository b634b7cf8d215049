import type { QueryResult } from '../../ports/database.ts';
import { expiredError } from './engine-errors.ts';
import type { PgliteEngine, TextStatement } from './pglite-engine.ts';

/** One open transaction of the engine's only session, rolled back when its time is over. */
export class Lease {
  readonly id: number;
  /** Resolves when the session is free again. */
  readonly ended: Promise<void>;
  readonly #engine: PgliteEngine;
  readonly #timer: NodeJS.Timeout;
  readonly #end: () => void;
  #open = true;

  constructor(engine: PgliteEngine, id: number, leaseMs: number, onExpired: () => void) {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.id = id;
    this.ended = promise;
    this.#engine = engine;
    this.#end = resolve;
    this.#timer = setTimeout(() => {
      onExpired();
      void this.rollback();
    }, leaseMs);
  }

  run(statement: TextStatement): Promise<QueryResult<unknown>> {
    if (!this.#open) throw expiredError();
    return this.#engine.run(statement);
  }

  async commit(): Promise<void> {
    if (!this.#open) throw expiredError();
    await this.#finish(() => this.#engine.commit());
  }

  /** The engine runs calls in order, so this comes after a statement that is still running. */
  async rollback(): Promise<void> {
    if (this.#open) await this.#finish(() => this.#engine.rollback());
  }

  async #finish(work: () => Promise<void>): Promise<void> {
    this.#open = false;
    clearTimeout(this.#timer);
    try {
      await work();
    } finally {
      this.#end();
    }
  }
}
