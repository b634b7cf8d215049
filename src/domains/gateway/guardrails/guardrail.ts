import type { JsonObject } from '../field-checks.ts';
import { jsonSchemaCheck } from './checks/json-schema-check.ts';
import type { WebhookAgents } from './checks/webhook-agents.ts';
import { webhookCheck } from './checks/webhook-check.ts';
import type { WholeCheck } from './checks/whole-check.ts';
import type { Detector, Match } from './detectors/detector.ts';
import { keywordDetector } from './detectors/keywords.ts';
import { patternDetector } from './detectors/patterns.ts';
import { type PersonalData, personalDataDetector } from './detectors/personal-identifiers.ts';
import { secretDetector } from './detectors/secrets.ts';

export const GUARDRAIL_SCOPES = ['organization', 'project', 'api_key'] as const;
export type GuardrailScope = (typeof GUARDRAIL_SCOPES)[number];

export const GUARDRAIL_KINDS = [
  'keywords',
  'patterns',
  'personal_data',
  'secrets',
  'json_schema',
  'webhook',
] as const;
export type GuardrailKind = (typeof GUARDRAIL_KINDS)[number];

/** What becomes of a match: the call is refused, the place is replaced, or it is only written down. */
export const GUARDRAIL_ACTIONS = ['deny', 'mask', 'flag'] as const;
export type GuardrailAction = (typeof GUARDRAIL_ACTIONS)[number];

/** Before the model is asked, and after it has answered. */
export const GUARDRAIL_STAGES = ['input', 'output'] as const;
export type GuardrailStage = (typeof GUARDRAIL_STAGES)[number];

/** What a kind looks for; the fields of other kinds are absent. */
export interface GuardrailConfig {
  readonly words?: readonly string[];
  readonly patterns?: readonly string[];
  readonly types?: readonly PersonalData[];
  readonly schema?: JsonObject;
  readonly url?: string;
  readonly timeout_ms?: number;
  readonly on_failure?: 'deny' | 'allow';
}

/** A row of `guardrails`. */
export interface GuardrailRow {
  readonly id: string;
  readonly organization_id: string;
  readonly name: string;
  readonly scope: GuardrailScope;
  readonly scope_id: string;
  readonly kind: GuardrailKind;
  readonly action: GuardrailAction;
  readonly stages: GuardrailStage[];
  readonly config: GuardrailConfig;
  /** Sealed; signs what a webhook is sent. */
  readonly secret: string | null;
  readonly enabled: boolean;
  readonly created_at: Date;
  readonly updated_at: Date;
}

/** A guardrail that is ready to look at texts: at places in them, or at the whole. */
export interface Guardrail extends Pick<GuardrailRow, 'id' | 'name' | 'action' | 'stages'> {
  readonly detector?: Detector;
  readonly check?: WholeCheck;
}

/** What guardrails need beside their rows. */
export interface GuardrailTools {
  readonly agents: WebhookAgents;
  readonly openSecret: (row: Pick<GuardrailRow, 'id' | 'secret'>) => string | null;
}

export function guardrailOf(row: GuardrailRow, tools: GuardrailTools): Guardrail {
  const { id, name, action, stages, kind, config } = row;
  const base = { id, name, action, stages };
  const check = checkOf(row, tools);
  return check === undefined ? { ...base, detector: detectorOf(kind, config) } : { ...base, check };
}

function checkOf(
  row: GuardrailRow,
  { agents, openSecret }: GuardrailTools,
): WholeCheck | undefined {
  const { name, kind, config } = row;
  if (kind === 'json_schema') return jsonSchemaCheck(config.schema ?? {});
  if (kind !== 'webhook') return undefined;
  const {
    url = '',
    timeout_ms: timeoutMs = WEBHOOK_TIMEOUT_MS,
    on_failure: onFailure = 'deny',
  } = config;
  return webhookCheck({ name, url, secret: () => openSecret(row), timeoutMs, onFailure }, agents);
}

export const WEBHOOK_TIMEOUT_MS = 3_000;

/** Of a kind that finds places. Throws for a pattern that is none. */
export function detectorOf(kind: GuardrailKind, config: GuardrailConfig): Detector {
  if (kind === 'keywords') return keywordDetector(config.words ?? []);
  if (kind === 'patterns') return patternDetector(config.patterns ?? []);
  if (kind === 'personal_data') return personalDataDetector(config.types ?? []);
  return secretDetector();
}

/** Looks at the whole of a text, and cannot say where. */
export const isWhole = (kind: GuardrailKind) => kind === 'json_schema' || kind === 'webhook';

/** What a guardrail found in one stage of one call; never the text itself. */
export interface GuardrailDecision {
  readonly guardrail: Guardrail;
  readonly stage: GuardrailStage;
  /** Matches by label. */
  readonly found: ReadonlyMap<string, number>;
}

/** Counts matches by their label. */
export function countLabels(found: Map<string, number>, matches: readonly Match[]): void {
  for (const { label } of matches) found.set(label, (found.get(label) ?? 0) + 1);
}

/** The object of the management API. */
export function guardrailObject(row: GuardrailRow) {
  return {
    object: 'guardrail' as const,
    id: row.id,
    name: row.name,
    scope: row.scope,
    scope_id: row.scope_id,
    kind: row.kind,
    action: row.action,
    stages: row.stages,
    ...row.config,
    ...(row.kind === 'webhook' ? { has_secret: row.secret !== null } : {}),
    enabled: row.enabled,
    created_at: Math.floor(row.created_at.getTime() / 1000),
    updated_at: Math.floor(row.updated_at.getTime() / 1000),
  };
}
