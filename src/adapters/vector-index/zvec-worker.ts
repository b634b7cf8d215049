import { type MessagePort, parentPort, workerData } from 'node:worker_threads';
import { VectorIndexError } from '../../ports/vector-index.ts';
import { ZvecCollections } from './zvec-collections.ts';
import type { MaintenancePolicy } from './zvec-maintenance.ts';
import type { FromZvecWorker, ToZvecWorker, ZvecAnswer, ZvecCall } from './zvec-protocol.ts';

/** Entry of the worker thread: zvec's writes block the thread they are called on, which must not be the one of HTTP. */
export function serveZvec(port: MessagePort, collections: ZvecCollections): void {
  const active = new Set<number>();
  const cancelled = new Set<number>();
  // Calls that change a collection run one after the other, searches beside them.
  let writes: Promise<unknown> = Promise.resolve();
  const send = (message: FromZvecWorker) => port.postMessage(message);

  const run = async (id: number, call: ZvecCall) => {
    const isCancelled = () => cancelled.has(id);
    try {
      const answer = isCancelled() ? undefined : await perform(collections, call, isCancelled);
      send({ id, answer });
    } catch (error) {
      send({ id, error: describeError(error) });
    } finally {
      active.delete(id);
      cancelled.delete(id);
    }
  };

  port.on('message', (message: ToZvecWorker) => {
    if ('cancel' in message) {
      if (active.has(message.id)) cancelled.add(message.id);
      return;
    }
    const { id, call } = message;
    active.add(id);
    if (isRead(call)) void run(id, call);
    else writes = writes.then(() => run(id, call));
  });
}

function isRead(call: ZvecCall): boolean {
  return call.method === 'search' || call.method === 'list' || call.method === 'check';
}

async function perform(
  collections: ZvecCollections,
  call: ZvecCall,
  isCancelled: () => boolean,
): Promise<ZvecAnswer> {
  switch (call.method) {
    case 'ensure':
      collections.ensure(call.definition);
      return undefined;
    case 'drop':
      await collections.drop(call.collection);
      return undefined;
    case 'insert':
      await collections.get(call.collection).insert(call.packed, isCancelled);
      return undefined;
    case 'delete':
      for (const filter of call.filters) await collections.find(call.collection)?.delete(filter);
      return undefined;
    case 'search':
      return await collections.get(call.collection).search(call.query);
    case 'list':
      return await collections.get(call.collection).list(call.filter);
    case 'check':
      return undefined;
    case 'close':
      await collections.close();
      return undefined;
  }
}

function describeError(error: unknown) {
  if (error instanceof VectorIndexError)
    return { code: error.code, message: error.message, collection: error.collection };
  return {
    code: 'failed' as const,
    message: error instanceof Error ? error.message : String(error),
  };
}

if (parentPort !== null) {
  const port = parentPort;
  const { directory, policy } = workerData as { directory: string; policy: MaintenancePolicy };
  const collections = new ZvecCollections(directory, policy, (fields, message) => {
    port.postMessage({ id: 0, level: 'warn', fields, message } satisfies FromZvecWorker);
  });
  serveZvec(port, collections);
}
