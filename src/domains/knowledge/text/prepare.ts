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

/** Chunks of a file, and the tokens of all of them by field: what BM25 in SQL needs of a generation. */
export interface PreparedFile {
  readonly chunks: readonly PreparedChunk[];
  readonly wordsLength: number;
  readonly charactersLength: number;
}

/** File to chunks: parse, cut, tokenize. CPU-bound; runs in a worker thread. */
export async function prepareChunks(
  task: PrepareTask,
  tokenizer: Tokenizer,
): Promise<PreparedFile> {
  const parsed = await parseFile(task.filename, task.bytes, task.limits);
  const chunks = chunkText(parsed, task.size);
  if (chunks.length > task.limits.chunksMax)
    throw new ParseFailure(
      'invalid_file',
      `The file gives ${chunks.length} chunks; at most ${task.limits.chunksMax} are allowed.`,
    );
  let wordsLength = 0;
  let charactersLength = 0;
  const prepared = chunks.map((chunk, ordinal) => {
    const indexed = chunk.context === '' ? chunk.content : `${chunk.context}\n${chunk.content}`;
    const words = tokenizer.words(indexed);
    const characters = tokenizer.characters(indexed);
    wordsLength += words.length;
    charactersLength += characters.length;
    return { ...chunk, ordinal, words: words.join(' '), characters: characters.join(' ') };
  });
  return { chunks: prepared, wordsLength, charactersLength };
}
