import { AppError } from '../../lib/app-error.ts';
import type { CallMeter } from './call-meter.ts';
import type { OpenedStream } from './open-stream.ts';
import { joinedFrames } from './sse-frames.ts';
import type { StreamProgress } from './stream-progress.ts';
import { garbage } from './upstream-failure.ts';
import { withoutCredential } from './without-credential.ts';

export interface RelayedCall {
  readonly progress: StreamProgress;
  readonly meter: CallMeter;
  /** Tells the client, in its dialect. */
  readonly errorEvent: (error: AppError) => Buffer;
}

/**
 * Hands the frames of an opened stream to the client as they are. The usage record is written before the last bytes
 * leave. Never rejects: what goes wrong from here on is an event.
 */
export async function* relayStream(
  { first, frames, scope, reported, endpoint }: OpenedStream,
  { progress, meter, errorEvent }: RelayedCall,
): AsyncGenerator<Buffer, void, void> {
  let failure: AppError | undefined;
  progress.comesFrom(endpoint, reported);
  try {
    let batch: readonly Buffer[] | undefined = first;
    while (batch !== undefined && !progress.done && progress.failure === undefined) {
      const bytes = joinedFrames(progress.take(batch));
      if (progress.done) meter.settle({ ...measured(progress), status: 'completed' });
      if (bytes.length > 0) yield bytes;
      if (!progress.done) batch = await frames.next();
    }
    if (!progress.complete) failure = progress.failure ?? progress.cut();
  } catch (error) {
    failure =
      error instanceof AppError ? error : garbage('The stream of the upstream broke.', error);
  } finally {
    const outcome = outcomeOf(progress, failure);
    frames.release(outcome === 'ok');
    scope.release();
    meter.endAttempt(outcome);
    meter.settle({ ...measured(progress), status: outcome === 'ok' ? 'completed' : outcome });
  }
  if (failure !== undefined && !progress.failureShown)
    yield errorEvent(withoutCredential(failure, endpoint));
}

function outcomeOf(progress: StreamProgress, failure: AppError | undefined) {
  if (failure === undefined) {
    // Without a failure and without an end, whoever reads the stream has stopped: the client is gone.
    return progress.complete ? 'ok' : 'aborted';
  }
  return failure.code === 'client_closed_request' ? 'aborted' : 'truncated';
}

function measured(progress: StreamProgress) {
  return { ...progress.reported, estimateCompletion: () => progress.estimateCompletion() };
}
