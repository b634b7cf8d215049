import { EmbeddingPack } from '../ingestion/pack.ts';
import type { StoredGeneration } from '../ingestion/index-rows.ts';
import type { KnowledgeDependencies } from '../options.ts';
import { listProbes } from './repository.ts';

const STORES_PER_PAGE = 200;
const FIRST_CHUNK = { from: 0, to: 1 };
// A chunk finds itself; another one with the same text may stand before it.
const SAME_SCORE_MIN = 0.99;

export interface ProbeResult {
  /** Vector stores that were asked. */
  readonly stores: number;
  readonly failed: readonly { readonly storeId: string; readonly reason: string }[];
}

/** Asks each vector store for one of its own chunks, by the embedding that is stored for it: no model is called. */
export async function probeStores(
  deps: KnowledgeDependencies,
  signal: AbortSignal,
): Promise<ProbeResult> {
  const failed: { storeId: string; reason: string }[] = [];
  let stores = 0;
  let after = '';
  for (;;) {
    const page = await listProbes(deps.database, { after, limit: STORES_PER_PAGE });
    for (const probe of page) {
      signal.throwIfAborted();
      stores += 1;
      const reason = await probeStore(deps, probe, signal);
      if (reason !== undefined) failed.push({ storeId: probe.storeId, reason });
    }
    const last = page.at(-1);
    if (last === undefined) return { stores, failed };
    after = last.storeId;
  }
}

async function probeStore(
  { blobs, index, options }: KnowledgeDependencies,
  generation: StoredGeneration & { collection: string },
  signal: AbortSignal,
): Promise<string | undefined> {
  const { collection, packKey, projectId, storeId } = generation;
  if (packKey === null) return 'its embeddings have no pack';
  const pack = new EmbeddingPack(blobs, generation, { timeoutMs: options.blobTimeoutMs });
  const [vector] = (await pack.readRange(packKey, FIRST_CHUNK, signal)) ?? [];
  if (vector === undefined) return 'its embedding pack is not whole';
  // A text without words has no direction that could be searched for.
  if (vector.every((component) => component === 0)) return undefined;
  const [hit] = await index.searchVector(
    collection,
    { vector, filter: { projectId, vectorStoreIds: [storeId] }, limit: 1 },
    { timeoutMs: options.indexTimeoutMs, signal, consistency: 'strong' },
  );
  return hit !== undefined && hit.score >= SAME_SCORE_MIN
    ? undefined
    : 'it does not find its chunk';
}
