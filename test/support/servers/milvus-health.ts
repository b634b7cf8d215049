import { tcpAnswers } from './loopback.ts';

/** True when the server answers a call. The SDK is heavy, so it is loaded only where a Milvus leg starts. */
export async function milvusAnswers(address: string): Promise<boolean> {
  // Any byte back means that the port is open: a gRPC server greets first (HTTP/2 SETTINGS).
  const port = Number(address.slice(address.lastIndexOf(':') + 1));
  if (!(await tcpAnswers(port, 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0', '')))
    return false;
  const { MilvusClient } = await import('@zilliz/milvus2-sdk-node');
  const client = new MilvusClient({ address, timeout: 2_000, maxRetries: 0 });
  try {
    const { status } = await client.showCollections();
    return status.error_code === 'Success';
  } finally {
    await client.closeConnection();
  }
}
