/**
 * Nearest neighbours and BM25 with filters. Derived data: whatever is lost here is rebuilt from SQL and the
 * embedding packs. Rows are immutable: they are inserted once and deleted, never updated; visibility is decided
 * by the generation a caller asks for.
 */
export interface VectorIndex {
  readonly capabilities: VectorIndexCapabilities;
  /**
   * Creates the collection when it is missing; a collection of the same name with another schema is a
   * `collection_mismatch`. Safe when several instances call it at once.
   */
  ensureCollection(collection: CollectionDefinition, options: VectorIndexOptions): Promise<void>;
  /** Deletes the collection with all its rows, a corrupt one too; a missing one is no error. */
  dropCollection(name: string, options: VectorIndexOptions): Promise<void>;
  /**
   * Adds rows (at most `insertRowsMax` a call, no id twice). A row whose id exists already is replaced, so that a repeated
   * insert after a crash is harmless. After it resolves, a search with `consistency: 'strong'` sees the rows.
   */
  insert(collection: string, rows: readonly IndexRow[], options: VectorIndexOptions): Promise<void>;
  /**
   * Deletes every row of the generations; unknown ones are no error, nor is a missing collection. Strong searches
   * no longer see them.
   */
  deleteGenerations(
    collection: string,
    generationIds: readonly string[],
    options: VectorIndexOptions,
  ): Promise<void>;
  /**
   * The nearest rows by cosine similarity, best first: `score` is the cosine in [-1, 1]. Ties by id.
   * Fewer than `limit` only when fewer match. A row whose vector is zeros has no
   * direction: it scores 0 or is left out, and so is everything for a query of zeros.
   */
  searchVector(
    collection: string,
    query: { vector: Float32Array; filter: IndexFilter; limit: number },
    options: SearchOptions,
  ): Promise<IndexHit[]>;
  /**
   * The best rows by BM25 over one token field, best first: `score` > 0, larger is better, comparable only
   * within one answer. Rows that share no token are not returned. Only with capability `fullText`.
   */
  searchText(
    collection: string,
    query: { field: TokenField; tokens: readonly string[]; filter: IndexFilter; limit: number },
    options: SearchOptions,
  ): Promise<IndexHit[]>;
  /** Ids of the rows of one generation, in no order; for proof after a rebuild. */
  listIds(collection: string, generationId: string, options: VectorIndexOptions): Promise<string[]>;
  check(options: VectorIndexOptions): Promise<void>;
  close(): Promise<void>;
}

export interface VectorIndexCapabilities {
  /** BM25 over the token fields. Without it the lexical list is computed from SQL. */
  readonly fullText: boolean;
  /** Largest number of rows in one insert. */
  readonly insertRowsMax: number;
  /** Largest `limit` of a search. */
  readonly searchLimitMax: number;
  /** What answered, for people: for example `zvec 0.7.0` or `milvus v2.3.5`. */
  readonly description: string;
}

/** Words: jieba search mode and Latin words. Characters: Han single characters and pairs, and Latin words. */
export type TokenField = 'words' | 'characters';

export interface CollectionDefinition {
  /** `[a-z][a-z0-9_]{2,62}`. One collection per embedding profile. */
  readonly name: string;
  /** Length of the vectors, 2 to 8192. */
  readonly dimensions: number;
}

export interface IndexRow {
  /** `<generation id>.<ordinal>`; at most 64 characters of `[A-Za-z0-9_.-]`. */
  readonly id: string;
  readonly projectId: string;
  readonly vectorStoreId: string;
  readonly generationId: string;
  /** Need not be normalised. */
  readonly vector: Float32Array;
  /** Tokens of the platform's tokenizer, joined by one space by the adapter. */
  readonly words: readonly string[];
  readonly characters: readonly string[];
}

/** Every search is bound to a project and at least one store; generations narrow it further. */
export interface IndexFilter {
  readonly projectId: string;
  readonly vectorStoreIds: readonly string[];
  /** At most 1 000. */
  readonly generationIds?: readonly string[];
}

export interface IndexHit {
  readonly id: string;
  readonly generationId: string;
  readonly score: number;
}

export interface VectorIndexOptions {
  readonly timeoutMs: number;
  readonly signal?: AbortSignal;
}

export interface SearchOptions extends VectorIndexOptions {
  /** `strong` sees every acknowledged insert and delete; `bounded` may lag by seconds and is cheaper. */
  readonly consistency: 'strong' | 'bounded';
}

/**
 * - `collection_missing`: create and fill it; `collection_mismatch`: the name is taken by another schema
 * - `collection_corrupt`: drop it and build it again (`VectorIndexCorruptError`)
 * - `invalid_request`: a defect of the caller: a row, limit or name outside what the port allows
 * - `timeout`, `unavailable`, `overloaded`: may succeed when tried again; an insert or delete may have happened
 * - `closed`: after `close`; `failed`: anything else
 *
 * An aborted call rejects with the signal's reason instead.
 */
export type VectorIndexErrorCode =
  | 'collection_missing'
  | 'collection_mismatch'
  | 'collection_corrupt'
  | 'invalid_request'
  | 'timeout'
  | 'unavailable'
  | 'overloaded'
  | 'closed'
  | 'failed';

export class VectorIndexError extends Error {
  readonly code: VectorIndexErrorCode;
  readonly collection: string | undefined;
  constructor(
    code: VectorIndexErrorCode,
    message: string,
    details: { collection?: string; cause?: unknown } = {},
  ) {
    super(message, { cause: details.cause });
    this.name = 'VectorIndexError';
    this.code = code;
    this.collection = details.collection;
  }
}

/** The stored collection cannot be read. Its rows are derived: drop the collection, create and fill it again. */
export class VectorIndexCorruptError extends VectorIndexError {
  constructor(collection: string, options?: { cause?: unknown }) {
    super('collection_corrupt', `the vector index collection ${collection} cannot be opened`, {
      collection,
      cause: options?.cause,
    });
    this.name = 'VectorIndexCorruptError';
  }
}
