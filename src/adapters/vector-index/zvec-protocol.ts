import type {
  CollectionDefinition,
  IndexHit,
  VectorIndexErrorCode,
} from '../../ports/vector-index.ts';

/** Rows of one insert with their vectors end to end in one buffer, so that it can be moved to the worker uncopied. */
export interface PackedRows {
  readonly vectors: Float32Array<ArrayBuffer>;
  readonly dimensions: number;
  readonly rows: readonly PackedRow[];
}

export interface PackedRow {
  readonly id: string;
  readonly projectId: string;
  readonly vectorStoreId: string;
  readonly generationId: string;
  readonly words: string;
  readonly characters: string;
}

export type ZvecQuery =
  | { readonly vector: Float32Array; readonly filter: string; readonly limit: number }
  | {
      readonly field: 'words' | 'characters';
      readonly tokens: string;
      readonly filter: string;
      readonly limit: number;
    };

export type ZvecCall =
  | { readonly method: 'ensure'; readonly definition: CollectionDefinition }
  | { readonly method: 'drop'; readonly collection: string }
  | { readonly method: 'insert'; readonly collection: string; readonly packed: PackedRows }
  | { readonly method: 'delete'; readonly collection: string; readonly filters: readonly string[] }
  | { readonly method: 'search'; readonly collection: string; readonly query: ZvecQuery }
  | { readonly method: 'list'; readonly collection: string; readonly filter: string }
  | { readonly method: 'check' }
  | { readonly method: 'close' };

export type ZvecAnswer = IndexHit[] | string[] | undefined;

export type ToZvecWorker =
  | { readonly id: number; readonly call: ZvecCall }
  /** The caller has gone: a call that has not begun need not run. */
  | { readonly id: number; readonly cancel: true };

export type FromZvecWorker =
  | { readonly id: number; readonly answer: ZvecAnswer }
  | {
      readonly id: number;
      readonly error: { code: VectorIndexErrorCode; message: string; collection?: string };
    }
  | {
      readonly id: 0;
      readonly level: 'info' | 'warn';
      readonly fields: object;
      readonly message: string;
    };
