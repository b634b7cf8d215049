import {
  type ZVecCollection,
  ZVecCollectionSchema,
  ZVecDataType,
  type ZVecFieldSchema,
  ZVecIndexType,
  ZVecMetricType,
} from '@zvec/zvec';
import type { CollectionDefinition } from '../../ports/vector-index.ts';

export function zvecSchema(definition: CollectionDefinition): ZVecCollectionSchema {
  return new ZVecCollectionSchema({
    name: definition.name,
    vectors: [
      {
        name: 'embedding',
        dataType: ZVecDataType.VECTOR_FP32,
        dimension: definition.dimensions,
        indexParams: {
          indexType: ZVecIndexType.HNSW,
          metricType: ZVecMetricType.COSINE,
          m: 16,
          efConstruction: 200,
        },
      },
    ],
    fields: [
      keyword('project_id'),
      keyword('vector_store_id'),
      keyword('generation_id'),
      tokens('words'),
      tokens('characters'),
    ],
  });
}

/** What differs from the schema we would create, or undefined. */
export function schemaDifference(
  collection: ZVecCollection,
  definition: CollectionDefinition,
): string | undefined {
  const wanted = zvecSchema(definition).toString();
  const found = collection.schema.toString();
  if (wanted === found) return undefined;
  const dimension = collection.schema.vectors()[0]?.dimension;
  if (dimension !== definition.dimensions)
    return `it holds vectors of ${dimension} dimensions, not ${definition.dimensions}`;
  return `its schema is ${found}`;
}

function keyword(name: string): ZVecFieldSchema {
  return {
    name,
    dataType: ZVecDataType.STRING,
    indexParams: { indexType: ZVecIndexType.INVERT, enableRangeOptimization: false },
  };
}

// The tokens are ours: no filter may change them again.
function tokens(name: string): ZVecFieldSchema {
  return {
    name,
    dataType: ZVecDataType.STRING,
    indexParams: { indexType: ZVecIndexType.FTS, tokenizerName: 'whitespace', filters: [] },
  };
}
