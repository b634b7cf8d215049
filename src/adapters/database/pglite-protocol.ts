import type { QueryResult } from '../../ports/database.ts';
import type { EngineFailure } from './engine-errors.ts';
import type { TextStatement } from './pglite-engine.ts';

export interface WorkerOptions {
  readonly directory: string;
  readonly templateDirectory: string | undefined;
}

/** A lease (an open transaction) has the id of the call that began it. */
export type WorkerCall =
  | { readonly kind: 'execute'; readonly statement: TextStatement }
  | { readonly kind: 'batch'; readonly statements: readonly TextStatement[] }
  | { readonly kind: 'begin'; readonly leaseMs: number }
  | { readonly kind: 'leased'; readonly leaseId: number; readonly statement: TextStatement }
  | { readonly kind: 'commit'; readonly leaseId: number }
  | { readonly kind: 'rollback'; readonly leaseId: number }
  | { readonly kind: 'close' };

/** What a call resolves to. */
export interface CallResults {
  readonly execute: QueryResult<unknown>;
  readonly batch: QueryResult<unknown>[];
  readonly begin: number;
  readonly leased: QueryResult<unknown>;
  readonly commit: undefined;
  readonly rollback: undefined;
  readonly close: undefined;
}

/** `cancel` takes a unit out of the queue, or rolls back the lease that it became meanwhile. */
export type WorkerRequest =
  | { readonly id: number; readonly call: WorkerCall }
  | { readonly cancelId: number };

export type WorkerMessage =
  | { readonly kind: 'ready'; readonly serverVersion: number }
  | { readonly kind: 'result'; readonly id: number; readonly value: unknown }
  | { readonly kind: 'failure'; readonly id: number; readonly failure: EngineFailure }
  | { readonly kind: 'notification'; readonly channel: string; readonly payload: string }
  | {
      readonly kind: 'log';
      readonly level: 'debug' | 'warn' | 'error';
      readonly fields: object;
      readonly message: string;
    }
  /** The thread ends after this. */
  | { readonly kind: 'fatal'; readonly message: string };
