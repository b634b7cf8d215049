import type { Log } from '../../lib/log.ts';

export interface NotificationListener {
  readonly onNotification: (payload: string) => void;
  readonly onReconnect?: (() => void) | undefined;
}

/** Who wants to hear of which channel. A listener that throws does not keep the others from hearing. */
export class NotificationListeners {
  readonly #byChannel = new Map<string, Set<NotificationListener>>();
  readonly #log: Log;

  constructor(log: Log) {
    this.#log = log;
  }

  get channels(): string[] {
    return [...this.#byChannel.keys()];
  }

  /** True for the first listener of its channel. */
  add(channel: string, listener: NotificationListener): boolean {
    const listeners = this.#byChannel.get(channel);
    if (listeners !== undefined) {
      listeners.add(listener);
      return false;
    }
    this.#byChannel.set(channel, new Set([listener]));
    return true;
  }

  /** True when the channel has no listener any more. */
  remove(channel: string, listener: NotificationListener): boolean {
    const listeners = this.#byChannel.get(channel);
    if (listeners === undefined || !listeners.delete(listener) || listeners.size > 0) return false;
    return this.#byChannel.delete(channel);
  }

  deliver(channel: string, payload: string): void {
    for (const listener of [...(this.#byChannel.get(channel) ?? [])])
      this.#call(channel, () => listener.onNotification(payload));
  }

  announceReconnect(): void {
    for (const [channel, listeners] of this.#byChannel)
      for (const listener of [...listeners]) this.#call(channel, () => listener.onReconnect?.());
  }

  #call(channel: string, listener: () => void): void {
    try {
      listener();
    } catch (error) {
      this.#log.error({ channel, error }, 'a listener of database notifications failed');
    }
  }
}

/** A channel as an SQL identifier; its name cannot be a bound parameter. */
export function quotedChannel(channel: string): string {
  if (channel.length === 0 || channel.length > 63)
    throw new RangeError('a channel has 1 to 63 characters');
  return `"${channel.replaceAll('"', '""')}"`;
}
