import { type ChunkSize, chunkText } from './chunker.ts';
import { parseFile } from './parse.ts';
import type { ParseLimits } from './parsed-text.ts';
import { ParseFailure } from './parse-failure.ts';
import type { Tokenizer } from './tokenizer.ts';

export interface PrepareTask {
  readonly filename: string;
  readonly bytes: Uint8Array;
  readonly size: ChunkSize;
  readonly limits: PrepareLimits;
}

export interface PrepareLimits extends ParseLimits {
  readonly chunksMax: number;
}

/** A chunk with everything that SQL and the vector index hold of it, but its vector. */
export interface PreparedChunk {
  readonly ordinal: number;
  readonly content: string;
  readonly charStart: number;
  readonly charEnd: number;
  readonly page: number | null;
  readonly headingPath: string | null;
  readonly tokenCount: number;
  /** Titles above the chunk, put before its text when it is embedded; empty when there are none. */
  readonly context: string;
  /** Tokens joined by one space. */
  readonly words: string;
  readonly characters: string;
}

/** File to chunks: parse, cut, tokenize. CPU-bound; runs in a worker thread. */
export async function prepareChunks(
  task: PrepareTask,
  tokenizer: Tokenizer,
): Promise<PreparedChunk[]> {
  const parsed = await parseFile(task.filename, task.bytes, task.limits);
  const chunks = chunkText(parsed, task.size);
  if (chunks.length > task.limits.chunksMax)
    throw new ParseFailure(
      'invalid_file',
      `The file gives ${chunks.length} chunks; at most ${task.limits.chunksMax} are allowed.`,
    );
  return chunks.map((chunk, ordinal) => {
    const indexed = chunk.context === '' ? chunk.content : `${chunk.context}\n${chunk.content}`;
    return {
      ...chunk,
      ordinal,
      words: tokenizer.words(indexed).join(' '),
      characters: tokenizer.characters(indexed).join(' '),
    };
  });
}
