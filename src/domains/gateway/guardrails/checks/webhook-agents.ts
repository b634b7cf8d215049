import { Agent } from 'undici';
import type { OutboundGuard } from '../../../../lib/outbound-guard/index.ts';

const CONNECTIONS_MAX = 16;
const CONNECT_TIMEOUT_MS = 5_000;

/** Connections to webhooks, kept for as long as the process runs: guardrails are read anew at each change. */
export class WebhookAgents {
  readonly #guard: OutboundGuard;
  readonly #agents = new Map<string, Agent>();

  constructor(guard: OutboundGuard) {
    this.#guard = guard;
  }

  /** Throws an `OutboundRefusedError` for an address that users may not reach. */
  of(url: URL): Agent {
    const known = this.#agents.get(url.origin);
    if (known !== undefined) return known;
    const connect = { timeout: CONNECT_TIMEOUT_MS, ...this.#guard.connectOptions(url) };
    const agent = new Agent({ connect, connections: CONNECTIONS_MAX });
    this.#agents.set(url.origin, agent);
    return agent;
  }

  async close(): Promise<void> {
    await Promise.all([...this.#agents.values()].map((agent) => agent.close()));
  }
}
