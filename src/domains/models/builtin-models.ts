/** Always there: deterministic, no network, lexical only. */
export const BUILTIN_CHAT_MODEL = 'llamp-builtin';
export const BUILTIN_EMBEDDING_MODEL = 'llamp-builtin-lexical';
export const BUILTIN_EMBEDDING_DIMENSIONS = 384;

/** Name of the deployment that serves them. */
export const BUILTIN_DEPLOYMENT = 'builtin';
export const BUILTIN_OWNER = 'llamp';
