import type { FastifyReply, FastifyRequest } from 'fastify';

/** A stream that is ready to be sent: nothing has reached the client yet. */
export interface EventStream {
  readonly status: number;
  /** Lower-case names; `content-type: text/event-stream` is among them. */
  readonly headers: Readonly<Record<string, string>>;
  /** Whole events, already framed. It never rejects: a failure is an event, as the protocol wants it. */
  readonly body: AsyncIterable<Uint8Array>;
  /** `keepAlive` is written after this much silence. */
  readonly keepAliveMs: number;
  /** A whole event, for a body whose chunks are whole events; a `: ` comment line by default. */
  readonly keepAlive?: string;
}

/**
 * Writes a stream to the client with backpressure: hijacks the reply, sends status and headers at once, then every
 * chunk as it comes, then ends. When the client goes away it stops iterating (`return()`); it need not abort
 * anything, because the gateway listens to the close of the connection from before the upstream is asked, so that
 * calls that are not streams are covered too. Resolves when the last byte was handed over or the client is gone; never rejects.
 */
export type SendEventStream = (
  request: FastifyRequest,
  reply: FastifyReply,
  stream: EventStream,
) => Promise<void>;
