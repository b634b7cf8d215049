import { setImmediate as nextTurn } from 'node:timers/promises';

interface Unit {
  readonly id: number;
  run(): Promise<void>;
}

/**
 * First in, first out, one at a time: the embedded engine has one session. A unit is a statement, a batch or a whole
 * transaction. Its bound is kept by the sender, who knows who waits. Units handle their own errors.
 */
export class UnitQueue {
  readonly #units: Unit[] = [];
  readonly #onError: (error: unknown) => void;
  #running = false;

  constructor(onError: (error: unknown) => void) {
    this.#onError = onError;
  }

  get idle(): boolean {
    return !this.#running && this.#units.length === 0;
  }

  enqueue(id: number, run: () => Promise<void>): void {
    this.#units.push({ id, run });
    if (!this.#running) this.#drain().catch(this.#onError);
  }

  /** True when the unit had not begun and now never will. */
  cancel(id: number): boolean {
    const index = this.#units.findIndex((unit) => unit.id === id);
    if (index < 0) return false;
    this.#units.splice(index, 1);
    return true;
  }

  async #drain(): Promise<void> {
    this.#running = true;
    try {
      for (let unit = this.#units.shift(); unit !== undefined; unit = this.#units.shift()) {
        await unit.run();
        // The engine settles in microtasks; without this turn no message (a cancel, a commit) would be seen.
        await nextTurn();
      }
    } finally {
      this.#running = false;
    }
  }
}
