import type { ChunkSize } from '../text/chunker.ts';
import { knowledgeError } from '../errors.ts';

export interface StaticChunking {
  readonly type: 'static';
  readonly static: {
    readonly max_chunk_size_tokens: number;
    readonly chunk_overlap_tokens: number;
  };
}

export interface ChunkingRequest {
  readonly type: 'auto' | 'static';
  readonly static?: StaticChunking['static'];
}

/** What `auto` means; clients read it back, and OpenAI documents these two numbers. */
const AUTO: StaticChunking = {
  type: 'static',
  static: { max_chunk_size_tokens: 800, chunk_overlap_tokens: 400 },
};

/** The strategy as it is stored and answered: always `static`, as OpenAI does. */
export function resolveChunking(
  request: ChunkingRequest | undefined,
  param = 'chunking_strategy',
): StaticChunking {
  if (request === undefined || request.type === 'auto') return AUTO;
  if (request.static === undefined)
    throw knowledgeError('invalid_chunking_strategy', "A static strategy needs 'static'.", {
      param: `${param}.static`,
    });
  const { max_chunk_size_tokens: size, chunk_overlap_tokens: overlap } = request.static;
  if (overlap * 2 > size)
    throw knowledgeError(
      'invalid_chunking_strategy',
      `chunk_overlap_tokens (${overlap}) must not exceed half of max_chunk_size_tokens (${size}).`,
      { param: `${param}.static.chunk_overlap_tokens` },
    );
  return {
    type: 'static',
    static: { max_chunk_size_tokens: size, chunk_overlap_tokens: overlap },
  };
}

export function chunkSize(strategy: StaticChunking): ChunkSize {
  return {
    tokensMax: strategy.static.max_chunk_size_tokens,
    overlapTokens: strategy.static.chunk_overlap_tokens,
  };
}
