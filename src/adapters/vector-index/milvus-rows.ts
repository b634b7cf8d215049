import type { IndexRow } from '../../ports/vector-index.ts';
import { VARCHAR_BYTES_MAX } from './milvus-schema.ts';

/** Milvus refuses messages above 64 MB; ours carry protobuf and JSON of estimated size, so stay well below. */
const REQUEST_BYTES_MAX = 16 * 1024 * 1024;
const ROW_OVERHEAD_BYTES = 512;

export type MilvusRow = Record<string, string | number[]>;

/** Rows as Milvus takes them, in requests that it accepts. */
export function milvusRequests(rows: readonly IndexRow[], fullText: boolean): MilvusRow[][] {
  const requests: MilvusRow[][] = [];
  let [request, sizeBytes]: [MilvusRow[], number] = [[], 0];
  for (const row of rows) {
    const converted = milvusRow(row, fullText);
    const rowBytes = sizeOf(converted);
    if (request.length > 0 && sizeBytes + rowBytes > REQUEST_BYTES_MAX) {
      requests.push(request);
      [request, sizeBytes] = [[], 0];
    }
    request.push(converted);
    sizeBytes += rowBytes;
  }
  if (request.length > 0) requests.push(request);
  return requests;
}

/** As many of the first tokens as a VARCHAR holds. */
export function joinTokens(tokens: readonly string[]): string {
  const text = tokens.join(' ');
  // Three bytes a UTF-16 unit is the most that UTF-8 takes.
  if (text.length * 3 <= VARCHAR_BYTES_MAX) return text;
  let sizeBytes = 0;
  const cut = tokens.findIndex((token) => {
    sizeBytes += Buffer.byteLength(token) + 1;
    // The last token has no space behind it.
    return sizeBytes - 1 > VARCHAR_BYTES_MAX;
  });
  return cut === -1 ? text : tokens.slice(0, cut).join(' ');
}

function milvusRow(row: IndexRow, fullText: boolean): MilvusRow {
  return {
    id: row.id,
    project_id: row.projectId,
    vector_store_id: row.vectorStoreId,
    generation_id: row.generationId,
    embedding: [...row.vector],
    ...(fullText ? { words: joinTokens(row.words), characters: joinTokens(row.characters) } : {}),
  };
}

function sizeOf(row: MilvusRow): number {
  return Object.values(row).reduce(
    (sum, value) => sum + (typeof value === 'string' ? value.length * 3 : value.length * 4),
    ROW_OVERHEAD_BYTES,
  );
}
