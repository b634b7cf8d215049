import type { Leg } from '../legs.ts';

/** Where a program is, or why it cannot be used. */
export type Found = { readonly path: string } | { readonly missing: string };

export interface RunningServer {
  /** What `legs.ts` promises for this leg. */
  readonly address: string;
  stop(): Promise<void>;
}

export interface StartOptions {
  readonly path: string;
  /** An existing empty folder that others may traverse; the caller removes it after `stop`. */
  readonly directory: string;
}

/** A server (or client program) that tests run against when the machine has it. */
export interface TestServer {
  readonly leg: Leg;
  /** What a person types on Debian to get it. */
  readonly install: string;
  find(): Promise<Found>;
  start(options: StartOptions): Promise<RunningServer>;
}
