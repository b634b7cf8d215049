import { CHECKS_OF_DATA } from './catalogue.ts';
import type { DoctorContext } from './context.ts';
import { type CheckReport, runChecks } from './run-checks.ts';

/** What the checks of one run look at; closed after it. */
export interface OpenedContext {
  readonly context: DoctorContext;
  close(): Promise<void>;
}

/** Looks at what a running server has open, once at a time: callers that come meanwhile get the same report. */
export class ServerDoctor {
  readonly #open: () => OpenedContext;
  #running: Promise<CheckReport[]> | undefined;

  constructor(open: () => OpenedContext) {
    this.#open = open;
  }

  report(): Promise<CheckReport[]> {
    this.#running ??= this.#run().finally(() => {
      this.#running = undefined;
    });
    return this.#running;
  }

  async #run(): Promise<CheckReport[]> {
    const { context, close } = this.#open();
    try {
      return await runChecks(CHECKS_OF_DATA, context);
    } finally {
      await close();
    }
  }
}
