import {
  type CollectionDefinition,
  type IndexFilter,
  type IndexRow,
  VectorIndexError,
} from '../../ports/vector-index.ts';

// Visible ASCII without the backslash: zvec reads \" in a string but leaves \\ as it is, so a backslash cannot be
// escaped for it. Escaping the quote is then the whole of escaping in every filter language.
const SCOPE_VALUE = /^[\x21-\x5b\x5d-\x7e]{1,128}$/;
const ROW_ID = /^[A-Za-z0-9_.-]{1,64}$/;
const COLLECTION_NAME = /^[a-z][a-z0-9_]{2,62}$/;
const GENERATIONS_MAX = 1000;

/** Refuses what the port does not allow, before any of it reaches the engine. */
export function checkDefinition(definition: CollectionDefinition): void {
  checkCollectionName(definition.name);
  const { dimensions } = definition;
  if (!Number.isInteger(dimensions) || dimensions < 2 || dimensions > 8192)
    refuse(`dimensions must be 2 to 8192, not ${dimensions}`, definition.name);
}

/** The name becomes a folder, or goes into a request: it is checked in every call. */
export function checkCollectionName(name: string): void {
  if (!COLLECTION_NAME.test(name)) refuse(`not a collection name: ${JSON.stringify(name)}`);
}

export function checkRows(collection: string, rows: readonly IndexRow[], rowsMax: number): void {
  if (rows.length > rowsMax)
    refuse(`${rows.length} rows in one insert, at most ${rowsMax}`, collection);
  const ids = new Set<string>();
  for (const row of rows) {
    if (!ROW_ID.test(row.id)) refuse(`not a row id: ${JSON.stringify(row.id)}`, collection);
    if (ids.has(row.id)) refuse(`row id ${row.id} twice in one insert`, collection);
    ids.add(row.id);
    checkScope(collection, row);
    checkVector(collection, row.vector);
    if (row.vector.length !== rows[0]?.vector.length)
      refuse('vectors of different lengths', collection);
  }
}

export function checkVector(collection: string, vector: Float32Array): void {
  if (!vector.every(Number.isFinite))
    refuse('a vector holds a value that is not finite', collection);
}

export function checkLimit(collection: string, limit: number, limitMax: number): void {
  if (!Number.isInteger(limit) || limit < 1 || limit > limitMax)
    refuse(`limit must be 1 to ${limitMax}, not ${limit}`, collection);
}

/**
 * The filter without values that no row can have, or undefined when nothing can match: a made-up id in a request
 * finds nothing instead of failing.
 */
export function matchableFilter(filter: IndexFilter): IndexFilter | undefined {
  const vectorStoreIds = filter.vectorStoreIds.filter(isScopeValue);
  const generationIds = filter.generationIds?.filter(isScopeValue);
  if ((filter.generationIds?.length ?? 0) > GENERATIONS_MAX)
    refuse(`${filter.generationIds?.length} generations in a filter, at most ${GENERATIONS_MAX}`);
  if (!isScopeValue(filter.projectId) || vectorStoreIds.length === 0) return undefined;
  if (generationIds?.length === 0) return undefined;
  return { projectId: filter.projectId, vectorStoreIds, generationIds };
}

export function isScopeValue(value: string): boolean {
  return SCOPE_VALUE.test(value);
}

function checkScope(collection: string, row: IndexRow): void {
  for (const value of [row.projectId, row.vectorStoreId, row.generationId])
    if (!isScopeValue(value)) refuse(`not an id: ${JSON.stringify(value)}`, collection);
}

function refuse(message: string, collection?: string): never {
  throw new VectorIndexError('invalid_request', message, { collection });
}
