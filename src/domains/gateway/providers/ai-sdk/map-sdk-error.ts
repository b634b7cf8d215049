import { AppError } from '../../../../lib/app-error.ts';
import { isJsonObject, type JsonObject } from '../../field-checks.ts';
import { failureOfErrorEvent } from '../../in-band-error.ts';
import { failure, garbage } from '../../upstream-failure.ts';

/** Names of what an SDK throws before it sends anything, when a prompt cannot be written in the vendor's dialect. */
const REFUSED_PROMPTS: ReadonlySet<string> = new Set([
  'AI_InvalidArgumentError',
  'AI_InvalidPromptError',
  'AI_UnsupportedFunctionalityError',
]);
const MESSAGE_MAX = 500;
const OVERLOADED: ReadonlySet<unknown> = new Set([503, 529]);

/**
 * What an SDK threw, or sent as an error part of its stream, as the client is told about it. Failures of the network
 * and statuses that are no success are failures before an SDK sees them; this is about the rest. `param` is the field
 * that an SDK may find impossible to write in the vendor's dialect.
 */
export function failureOfSdkError(error: unknown, param = 'messages'): AppError {
  if (error instanceof AppError) return error;
  const source = fieldsOf(error);
  const { statusCode: status } = source;
  const message = typeof source['message'] === 'string' ? source['message'] : 'no message';
  if (OVERLOADED.has(status)) {
    return failure('5xx', 'upstream_unavailable', {
      message: `The upstream is overloaded: ${message}`,
      logMessage: 'The upstream is overloaded.',
      retryable: true,
      cause: error,
    });
  }
  // A status of success means that the answer could not be read.
  if (typeof status === 'number' && status >= 400)
    return failureOfErrorEvent({ message, status, type: source['type'] });
  if (error instanceof Error && REFUSED_PROMPTS.has(error.name)) {
    // Its message may quote the whole prompt; the client has it already.
    return failure('4xx', 'invalid_value', {
      message: message.slice(0, MESSAGE_MAX),
      param,
      cause: error,
    });
  }
  if (error instanceof Error) return garbage('The answer of the upstream cannot be read.', error);
  return failureOfErrorEvent(error);
}

function fieldsOf(error: unknown): JsonObject {
  if (error instanceof Error) return { ...error, message: error.message };
  return isJsonObject(error) ? error : {};
}
