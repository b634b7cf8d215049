import { createHash } from 'node:crypto';
import { ErrorReply } from 'redis';
import type { EphemeralOptions } from '../../ports/ephemeral-store.ts';

export type SendCommand = <Reply>(
  command: readonly string[],
  options: EphemeralOptions,
) => Promise<Reply>;

/** A script that is sent in full only when the server does not know it yet. */
export class RedisScript {
  readonly #text: string;
  readonly #sha: string;

  constructor(text: string) {
    this.#text = text;
    this.#sha = createHash('sha1').update(text).digest('hex');
  }

  async run<Reply>(
    send: SendCommand,
    input: { keys: readonly string[]; argv: readonly string[] },
    options: EphemeralOptions,
  ): Promise<Reply> {
    const rest = [`${input.keys.length}`, ...input.keys, ...input.argv];
    try {
      return await send<Reply>(['EVALSHA', this.#sha, ...rest], options);
    } catch (error) {
      if (!(error instanceof ErrorReply && error.message.startsWith('NOSCRIPT'))) throw error;
      return send<Reply>(['EVAL', this.#text, ...rest], options);
    }
  }
}
