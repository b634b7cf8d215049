import { factsOf } from './frame-facts.ts';
import { errorEvent } from './in-band-error.ts';
import { asksForUsage, bytesWithUsage } from './request-body.ts';
import type { StreamDialect } from './stream-dialect.ts';
import { estimateCompletion } from './token-estimate.ts';
import { countsOf } from './usage-counts.ts';

/** Chat completions and everything else of OpenAI's API. */
export const openAiDialect: StreamDialect = {
  streamedBody: bytesWithUsage,
  hidesUsage: (json) => !asksForUsage(json),
  factsOf,
  // Servers that report it in every frame report running totals.
  mergeUsage: (_before, reported) => reported,
  countsOf,
  estimateCompletion,
  errorEvent,
};
