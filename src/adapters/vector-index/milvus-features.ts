/** What a server can do and how it wants to be asked. */
export interface MilvusFeatures {
  readonly description: string;
  readonly fullText: boolean;
  /** Analyzer that leaves the platform's tokens whole, or as whole as the server can. */
  readonly analyzerParams: Readonly<Record<string, unknown>>;
  readonly sparseIndexParams: Readonly<Record<string, string | number>>;
  /** Index type of the scalar fields; the servers do not take each other's. */
  readonly scalarIndexType: string;
}

/**
 * Features by the answer of getVersion. A server that is not told apart gets the least: a BM25 schema makes Milvus
 * 2.3 abort at the next load, long after it answered "Success".
 */
export function milvusFeatures(version: string): MilvusFeatures {
  // `milvus_lite-3.2.2` is the rewrite in Python; `v2.3.5-lite` is the real server in a Python package.
  if (/^milvus[_-]lite/iu.test(version)) return milvusLite(version);
  const [, major, minor] = /^v?(\d+)\.(\d+)/u.exec(version) ?? [];
  const fullText = Number(major) > 2 || (Number(major) === 2 && Number(minor) >= 5);
  return {
    description: `milvus ${version}`,
    fullText,
    analyzerParams: { tokenizer: 'whitespace' },
    sparseIndexParams: { inverted_index_algo: 'DAAT_MAXSCORE', bm25_k1: 1.2, bm25_b: 0.75 },
    scalarIndexType: fullText ? 'INVERTED' : 'Trie',
  };
}

// It refuses the whitespace analyzer and `inverted_index_algo`. `standard` cuts tokens at their signs, in rows and
// questions alike, so `c++` is found as `c`.
function milvusLite(version: string): MilvusFeatures {
  return {
    description: version.replace('_', '-').replace(/-(?=\d)/u, ' '),
    fullText: true,
    analyzerParams: { type: 'standard' },
    sparseIndexParams: { bm25_k1: 1.2, bm25_b: 0.75 },
    scalarIndexType: 'INVERTED',
  };
}
