import type {
  CreateCollectionWithFieldsReq,
  CreateIndexSimpleReq,
  DescribeCollectionResponse,
  FieldType,
  FunctionObject,
} from '@zilliz/milvus2-sdk-node';
import type { CollectionDefinition, TokenField } from '../../ports/vector-index.ts';
import type { MilvusFeatures } from './milvus-features.ts';

export const VARCHAR_BYTES_MAX = 65_535;
const TOKEN_FIELDS: readonly TokenField[] = ['words', 'characters'];
const PARTITIONS = 64;
/** The SDK's `FunctionType.BM25`; its module is loaded only when Milvus is used. */
const BM25 = 1;

export function milvusCollection(
  definition: CollectionDefinition,
  features: MilvusFeatures,
): CreateCollectionWithFieldsReq {
  const fields: FieldType[] = [
    { name: 'id', data_type: 'VarChar', max_length: 64, is_primary_key: true },
    { name: 'project_id', data_type: 'VarChar', max_length: 128, is_partition_key: true },
    { name: 'vector_store_id', data_type: 'VarChar', max_length: 128 },
    { name: 'generation_id', data_type: 'VarChar', max_length: 128 },
    { name: 'embedding', data_type: 'FloatVector', dim: definition.dimensions },
  ];
  const lexical = features.fullText ? TOKEN_FIELDS : [];
  return {
    collection_name: definition.name,
    fields: [...fields, ...lexical.flatMap((field) => tokenFields(field, features))],
    ...(lexical.length > 0 ? { functions: lexical.map(bm25) } : {}),
    num_partitions: PARTITIONS,
    // The SDK cannot ask a search for Strong: its number is 0, which it takes for "not given" and replaces by this.
    consistency_level: 'Strong',
  };
}

export function milvusIndexes(
  collection: string,
  features: MilvusFeatures,
): { readonly required: CreateIndexSimpleReq[]; readonly optional: CreateIndexSimpleReq[] } {
  const index = (
    field: string,
    rest: Omit<CreateIndexSimpleReq, 'collection_name' | 'field_name'>,
  ) => ({
    collection_name: collection,
    field_name: field,
    index_name: field,
    ...rest,
  });
  const dense = index('embedding', {
    index_type: 'HNSW',
    metric_type: 'COSINE',
    params: { M: 16, efConstruction: 200 },
  });
  const sparse = TOKEN_FIELDS.map((field) =>
    index(`${field}_sparse`, {
      index_type: 'SPARSE_INVERTED_INDEX',
      metric_type: 'BM25',
      params: { ...features.sparseIndexParams },
    }),
  );
  const scalar = ['vector_store_id', 'generation_id'].map((field) =>
    index(field, { index_type: features.scalarIndexType }),
  );
  return { required: features.fullText ? [dense, ...sparse] : [dense], optional: scalar };
}

/** What differs between the collection as it is and as we would create it, or undefined. */
export function milvusDifference(
  found: DescribeCollectionResponse,
  definition: CollectionDefinition,
  features: MilvusFeatures,
): string | undefined {
  const wanted = milvusCollection(definition, features);
  const wantedFields = wanted.fields.map((field) => `${field.name} ${field.data_type}`).sort();
  const foundFields = found.schema.fields.map((field) => `${field.name} ${field.data_type}`).sort();
  if (wantedFields.join() !== foundFields.join()) return `its fields are ${foundFields.join(', ')}`;
  const dimensions = dimensionsOf(found);
  if (dimensions !== definition.dimensions)
    return `it holds vectors of ${dimensions} dimensions, not ${definition.dimensions}`;
  const wantedFunctions = (wanted.functions ?? []).map((each) => each.name).sort();
  const foundFunctions = found.schema.functions.map((each) => each.name).sort();
  if (wantedFunctions.join() !== foundFunctions.join())
    return `its functions are ${foundFunctions.join(', ') || 'none'}`;
  const partitionKey = found.schema.fields.find((field) => field.is_partition_key)?.name;
  if (partitionKey !== 'project_id') return `its partition key is ${partitionKey ?? 'none'}`;
  // milvus-lite keeps no level: all its reads are strong, and it says so.
  if (found.consistency_level !== 'Strong') return `its consistency is ${found.consistency_level}`;
  return undefined;
}

export function dimensionsOf(found: DescribeCollectionResponse): number {
  const embedding = found.schema.fields.find((field) => field.name === 'embedding');
  return Number(embedding?.type_params.find((param) => param.key === 'dim')?.value);
}

function tokenFields(field: TokenField, features: MilvusFeatures): FieldType[] {
  return [
    {
      name: field,
      data_type: 'VarChar',
      max_length: VARCHAR_BYTES_MAX,
      enable_analyzer: true,
      analyzer_params: { ...features.analyzerParams },
    },
    { name: `${field}_sparse`, data_type: 'SparseFloatVector', is_function_output: true },
  ];
}

function bm25(field: TokenField): FunctionObject {
  return {
    name: `${field}_bm25`,
    type: BM25,
    input_field_names: [field],
    output_field_names: [`${field}_sparse`],
    params: {},
  };
}
