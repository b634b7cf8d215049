import { type ProbeOptions, StoreProbeError, type VectorsProbe } from '../../ports/store-probe.ts';
import { dimensionsOf } from '../vector-index/milvus-schema.ts';
import { withinTime } from './within-time.ts';

const CONNECT_TIMEOUT_MS = 5_000;
const KEEPALIVE_MS = 330_000;

/** Asks Milvus, or milvus-lite, without making anything. Rejects when nothing answers. */
export async function openMilvusProbe(place: {
  host: string;
  port: number;
}): Promise<VectorsProbe> {
  const sdk = await import('@zilliz/milvus2-sdk-node');
  sdk.logger.level = 'error';
  const client = new sdk.MilvusClient({
    address: `${place.host}:${place.port}`,
    timeout: CONNECT_TIMEOUT_MS,
    maxRetries: 0,
    // The SDK pings every 10 s, which servers answer by closing the connection.
    channelOptions: { 'grpc.keepalive_time_ms': KEEPALIVE_MS },
  });
  const ask = <T>(send: () => Promise<T>, options: ProbeOptions): Promise<T> =>
    withinTime(send(), options).catch((error: unknown) => {
      throw probeErrorOf(error);
    });
  const version = async (options: ProbeOptions) =>
    (await ask(() => client.getVersion(), options)).version;
  const dimensionOf = async (name: string, options: ProbeOptions) => {
    const { value } = await ask(() => client.hasCollection({ collection_name: name }), options);
    if (value !== true) return undefined;
    return dimensionsOf(
      await ask(() => client.describeCollection({ collection_name: name, cache: false }), options),
    );
  };
  const close = async () => {
    await client.closeConnection();
  };
  try {
    await version({ timeoutMs: CONNECT_TIMEOUT_MS });
  } catch (error) {
    // A client that never connected may refuse to be closed; the reason of before is the one to tell.
    await close().catch(() => undefined);
    throw error;
  }
  return {
    version,
    dimensions: async (collections, options) => {
      const found = new Map<string, number>();
      for (const name of collections) {
        const dimension = await dimensionOf(name, options);
        if (dimension !== undefined) found.set(name, dimension);
      }
      return found;
    },
    close,
  };
}

function probeErrorOf(error: unknown): unknown {
  if (error instanceof StoreProbeError || !(error instanceof Error)) return error;
  const isRefused = /UNAUTHENTICATED|PERMISSION_DENIED/.test(error.message);
  const kind = isRefused ? 'refused' : 'unreachable';
  return new StoreProbeError(kind, error.message, { cause: error });
}
