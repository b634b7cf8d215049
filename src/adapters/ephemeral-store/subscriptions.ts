import type { Log } from '../../lib/log.ts';

type Listener = (message: string) => void;

/** Who listens to which channel in this process. */
export class Subscriptions {
  readonly #listeners = new Map<string, Set<Listener>>();
  readonly #log: Log;

  constructor(log: Log) {
    this.#log = log;
  }

  get channels(): string[] {
    return [...this.#listeners.keys()];
  }

  /** Returns the function that removes the listener and says whether it was the channel's last. */
  add(channel: string, onMessage: Listener): () => boolean {
    const listeners = this.#listeners.get(channel) ?? new Set();
    this.#listeners.set(channel, listeners);
    // Wrapped, so that the same function subscribed twice is called twice.
    const listener: Listener = (message) => onMessage(message);
    listeners.add(listener);
    return () => {
      const removed = listeners.delete(listener);
      if (!removed || listeners.size > 0) return false;
      this.#listeners.delete(channel);
      return true;
    };
  }

  /** Calls every listener; one that throws does not keep the others from hearing. */
  deliver(channel: string, message: string): void {
    for (const listener of [...(this.#listeners.get(channel) ?? [])]) {
      try {
        listener(message);
      } catch (error) {
        this.#log.error({ err: error, channel }, 'a subscriber failed');
      }
    }
  }

  clear(): void {
    this.#listeners.clear();
  }
}
