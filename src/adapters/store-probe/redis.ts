import { createClient } from 'redis';
import { type ProbeOptions, type RedisProbe, StoreProbeError } from '../../ports/store-probe.ts';
import { withinTime } from './within-time.ts';

const CONNECT_TIMEOUT_MS = 5_000;

/** One connection that is not made again when it is lost. Rejects when the server is away or refuses the password. */
export async function openRedisProbe({ url }: { url: string }): Promise<RedisProbe> {
  const client = createClient({
    url,
    disableOfflineQueue: true,
    socket: { connectTimeout: CONNECT_TIMEOUT_MS, reconnectStrategy: false },
  });
  // Without a listener an 'error' event ends the process; whoever asks is told by the call itself.
  client.on('error', () => undefined);
  const ask = <T>(send: () => Promise<T>, options: ProbeOptions): Promise<T> =>
    withinTime(send(), options).catch((error: unknown) => {
      throw probeErrorOf(error);
    });
  const close = async () => {
    if (client.isOpen) client.destroy();
  };
  try {
    await ask(() => client.connect(), { timeoutMs: CONNECT_TIMEOUT_MS });
    await ask(() => client.ping(), { timeoutMs: CONNECT_TIMEOUT_MS });
  } catch (error) {
    await close();
    throw error;
  }
  return {
    info: async (options) => fieldsOf(String(await ask(() => client.info(), options))),
    setting: async (name, options) => {
      const settings = await ask(() => client.configGet(name), options).catch(() => undefined);
      return settings?.[name];
    },
    now: async (options) => {
      const answer = await ask(() => client.sendCommand(['TIME']), options);
      const [seconds, micros] = (answer as unknown as readonly unknown[]).map(Number);
      return new Date((seconds ?? 0) * 1000 + (micros ?? 0) / 1000);
    },
    close,
  };
}

function fieldsOf(text: string): Record<string, string> {
  const pairs = text.split(/\r?\n/).flatMap((line) => {
    const at = line.indexOf(':');
    return at <= 0 || line.startsWith('#') ? [] : [[line.slice(0, at), line.slice(at + 1)]];
  });
  return Object.fromEntries(pairs) as Record<string, string>;
}

function probeErrorOf(error: unknown): unknown {
  if (error instanceof StoreProbeError || !(error instanceof Error)) return error;
  const isRefused = /^(NOAUTH|WRONGPASS|NOPERM)|invalid (username-)?password/i.test(error.message);
  const { code } = error as NodeJS.ErrnoException;
  const message = error.message || (code ?? error.name);
  const isAway = code !== undefined || /socket|connect/i.test(`${error.name} ${error.message}`);
  const kind = isRefused ? 'refused' : isAway ? 'unreachable' : 'other';
  return new StoreProbeError(kind, message, { cause: error });
}
