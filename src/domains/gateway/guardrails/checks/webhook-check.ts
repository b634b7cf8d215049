import { createHmac } from 'node:crypto';
import { type Agent, request } from 'undici';
import { gatewayError } from '../../errors.ts';
import { isJsonObject } from '../../field-checks.ts';
import type { WebhookAgents } from './webhook-agents.ts';
import type { CheckedTexts, WholeCheck } from './whole-check.ts';

const ANSWER_BYTES_MAX = 65_536;

export interface WebhookOptions {
  readonly name: string;
  readonly url: string;
  /** Signs each body; null: nothing is signed. Throws while it cannot be opened. */
  readonly secret: () => string | null;
  readonly timeoutMs: number;
  /** What happens to the call when the webhook does not answer as it should. */
  readonly onFailure: 'deny' | 'allow';
}

/**
 * Asks a server of the user's, by `POST` with `{"guardrail", "stage", "request_id", "model", "texts"}`; it answers 200 with
 * `{"allow": true}` or `{"allow": false}`. The header `x-llamp-signature` is `sha256=` and the HMAC of the body in
 * hexadecimal digits. Redirects are not followed.
 */
export function webhookCheck(options: WebhookOptions, agents: WebhookAgents): WholeCheck {
  return {
    check: async (given) => {
      try {
        const agent = agents.of(new URL(options.url));
        return (await ask(agent, options, given)) ? undefined : 'WEBHOOK';
      } catch (cause) {
        if (given.signal.aborted) throw given.signal.reason;
        if (options.onFailure === 'allow') return undefined;
        throw unavailable(options.name, cause);
      }
    },
  };
}

async function ask(agent: Agent, options: WebhookOptions, given: CheckedTexts): Promise<boolean> {
  const { stage, requestId, model, texts, signal } = given;
  const { name: guardrail, url, secret, timeoutMs } = options;
  const body = JSON.stringify({ guardrail, stage, request_id: requestId, model, texts });
  const answer = await request(url, {
    method: 'POST',
    dispatcher: agent,
    headers: { 'content-type': 'application/json', ...signatureOf(secret(), body) },
    body,
    signal: AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]),
  });
  const verdict: unknown = JSON.parse(await boundedText(answer.body));
  if (answer.statusCode !== 200) throw new Error(`the webhook answered ${answer.statusCode}`);
  if (!isJsonObject(verdict) || typeof verdict['allow'] !== 'boolean')
    throw new Error("the webhook's answer has no boolean 'allow'");
  return verdict['allow'];
}

async function boundedText(body: AsyncIterable<Buffer>): Promise<string> {
  const chunks: Buffer[] = [];
  let sizeBytes = 0;
  for await (const chunk of body) {
    sizeBytes += chunk.length;
    if (sizeBytes > ANSWER_BYTES_MAX) throw new Error("the webhook's answer is too long");
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

function signatureOf(secret: string | null, body: string): Record<string, string> {
  if (secret === null) return {};
  return {
    'x-llamp-signature': `sha256=${createHmac('sha256', secret).update(body).digest('hex')}`,
  };
}

const unavailable = (name: string, cause: unknown) =>
  gatewayError('guardrail_unavailable', {
    message: `The guardrail '${name}' cannot be asked now.`,
    retryable: true,
    cause,
  });
