import { AppError, type ErrorDefinition } from '../../lib/app-error.ts';

export const KNOWLEDGE_ERRORS = {
  file_not_found: {
    status: 404,
    description: 'The project has no file with this id. It may have expired or been deleted.',
  },
  vector_store_not_found: {
    status: 404,
    description: 'The project has no vector store with this id.',
  },
  vector_store_file_not_found: {
    status: 404,
    description: 'The vector store has no file with this id; attach the file first.',
  },
  file_batch_not_found: {
    status: 404,
    description: 'The vector store has no file batch with this id.',
  },
  invalid_cursor: {
    status: 400,
    description: 'No row of the list has the id given as `after` or `before`; start from page one.',
  },
  invalid_file_upload: {
    status: 400,
    description: 'The upload is not a multipart form with one `file` and a valid `purpose`.',
  },
  file_too_large: {
    status: 413,
    description: 'The file is larger than this installation accepts.',
  },
  file_range_not_satisfiable: {
    status: 416,
    description: 'The `Range` header asks for bytes beyond the end of the file.',
  },
  invalid_chunking_strategy: {
    status: 400,
    description:
      'A static strategy names both sizes, `chunk_overlap_tokens` at most half of `max_chunk_size_tokens`; a new vector store takes a strategy only together with `file_ids`.',
  },
  invalid_attributes: {
    status: 400,
    description:
      'Attributes and metadata are at most 16 pairs; keys at most 64 characters, text values at most 512.',
  },
  invalid_file_batch: {
    status: 400,
    description: 'A file batch has either `file_ids` or `files`, 1 to 2000 of them, none twice.',
  },
  batch_not_cancellable: {
    status: 400,
    description: 'The file batch has ended and cannot be cancelled.',
  },
  invalid_filter: {
    status: 400,
    description:
      'A filter is a comparison (eq, ne, gt, gte, lt, lte, in, nin) or a compound (and, or) of at least one filter; ordering compares text or numbers, in and nin take arrays.',
  },
  invalid_ranking_options: {
    status: 400,
    description: '`hybrid_search` needs at least one weight above zero.',
  },
  invalid_text: {
    status: 400,
    description: 'Text holds a NUL character or half of a surrogate pair, which cannot be stored.',
  },
  vector_store_expired: {
    status: 400,
    description: 'The vector store has expired; change `expires_after` to use it again.',
  },
  knowledge_store_unavailable: {
    status: 503,
    description:
      'The vector index or the blob store did not answer. The message names it; `GET /health` shows its state.',
  },
} as const satisfies Record<string, ErrorDefinition>;

export type KnowledgeErrorCode = keyof typeof KNOWLEDGE_ERRORS;

export function knowledgeError(
  code: KnowledgeErrorCode,
  message: string,
  details: { param?: string; cause?: unknown } = {},
): AppError {
  const { status } = KNOWLEDGE_ERRORS[code];
  return new AppError({ code, status, message, ...details, retryable: status === 503 });
}

export function fileNotFound(fileId: string, param?: string): AppError {
  return knowledgeError('file_not_found', `No such file: '${fileId}'.`, { param });
}

export function vectorStoreNotFound(storeId: string): AppError {
  return knowledgeError('vector_store_not_found', `No vector store found with id '${storeId}'.`);
}

export function storeFileNotFound(fileId: string, storeId: string): AppError {
  return knowledgeError(
    'vector_store_file_not_found',
    `No file found with id '${fileId}' in vector store '${storeId}'.`,
  );
}

export function fileBatchNotFound(batchId: string): AppError {
  return knowledgeError('file_batch_not_found', `No file batch found with id '${batchId}'.`);
}

export function invalidCursor(param: 'after' | 'before', id: string): AppError {
  return knowledgeError('invalid_cursor', `'${param}' names no item of this list: '${id}'.`, {
    param,
  });
}
