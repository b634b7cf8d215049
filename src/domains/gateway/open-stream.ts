import type { UpstreamEndpoint } from '../models/index.ts';
import { AttemptScope } from './attempt-scope.ts';
import { dialectOf } from './dialects.ts';
import type { FrameFacts } from './frame-facts.ts';
import { FrameReader } from './frame-reader.ts';
import { failureOfErrorEvent } from './in-band-error.ts';
import type { Provider, UpstreamRequest, UpstreamTimeouts } from './provider.ts';
import type { ReportedUsage, StreamDialect } from './stream-dialect.ts';
import { garbage, timedOut } from './upstream-failure.ts';

/** A stream whose first event is here and is no error: from now on there is no other attempt. */
export interface OpenedStream {
  readonly headers: Readonly<Record<string, string>>;
  readonly deployment: string;
  /** Where it comes from; undefined for the built-in models. */
  readonly endpoint: UpstreamEndpoint | undefined;
  /** Frames that were read to get here. */
  readonly first: readonly Buffer[];
  readonly frames: FrameReader;
  /** What the upstream has reported so far, where its frames were translated. */
  readonly reported?: () => ReportedUsage;
  /** Ends the attempt's hold on the signal of the call. */
  readonly scope: AttemptScope;
}

// Comments and noise before the first event are kept up to this many frames.
const FRAMES_BEFORE_CONTENT_MAX = 1_000;

/** Asks for a stream and reads up to its first event, so that a failure can still become a status or another attempt. */
export async function openStream(
  provider: Pick<Provider, 'stream'>,
  request: UpstreamRequest,
  timeouts: UpstreamTimeouts,
): Promise<OpenedStream> {
  const scope = new AttemptScope(request.signal);
  const { firstTokenMs } = timeouts;
  scope.startTimer(firstTokenMs, () =>
    timedOut('send the first event of the stream', firstTokenMs),
  );
  try {
    const answer = await provider.stream({ ...request, signal: scope.signal });
    const frames = new FrameReader(answer);
    const first = await readToContent(frames, dialectOf(request.endpoint));
    scope.stopTimer();
    const { name: deployment, endpoint } = request.deployment;
    const { headers, reported } = answer;
    return { headers, deployment, endpoint, first, frames, scope, reported };
  } catch (error) {
    const reason: unknown = scope.signal.aborted ? scope.signal.reason : error;
    scope.abort(reason);
    scope.release();
    throw reason;
  }
}

async function readToContent(
  frames: FrameReader,
  dialect: StreamDialect,
): Promise<readonly Buffer[]> {
  const read: Buffer[] = [];
  for (let batch = await frames.next(); batch !== undefined; batch = await frames.next()) {
    read.push(...batch);
    for (const frame of batch) if (isFirstEvent(dialect.factsOf(frame))) return read;
    if (read.length > FRAMES_BEFORE_CONTENT_MAX) break;
  }
  throw garbage('The upstream answered with a stream that holds no event.');
}

function isFirstEvent(facts: FrameFacts): boolean {
  if (facts.kind === 'error') throw failureOfErrorEvent(facts.error);
  if (facts.kind === 'broken') throw garbage('The first event of the upstream is no JSON.');
  if (facts.kind === 'done') throw garbage('The upstream ended its stream before any content.');
  return facts.kind === 'content' || (facts.kind === 'outline' && facts.begins);
}
