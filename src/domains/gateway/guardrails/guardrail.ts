import type { Detector, Match } from './detectors/detector.ts';
import { keywordDetector } from './detectors/keywords.ts';
import { patternDetector } from './detectors/patterns.ts';
import { type PersonalData, personalDataDetector } from './detectors/personal-identifiers.ts';
import { secretDetector } from './detectors/secrets.ts';

export const GUARDRAIL_SCOPES = ['organization', 'project', 'api_key'] as const;
export type GuardrailScope = (typeof GUARDRAIL_SCOPES)[number];

export const GUARDRAIL_KINDS = ['keywords', 'patterns', 'personal_data', 'secrets'] as const;
export type GuardrailKind = (typeof GUARDRAIL_KINDS)[number];

/** What becomes of a match: the call is refused, the place is replaced, or it is only written down. */
export const GUARDRAIL_ACTIONS = ['deny', 'mask', 'flag'] as const;
export type GuardrailAction = (typeof GUARDRAIL_ACTIONS)[number];

/** Before the model is asked, and after it has answered. */
export const GUARDRAIL_STAGES = ['input', 'output'] as const;
export type GuardrailStage = (typeof GUARDRAIL_STAGES)[number];

/** What a kind looks for; one field is there. */
export interface GuardrailConfig {
  readonly words?: readonly string[];
  readonly patterns?: readonly string[];
  readonly types?: readonly PersonalData[];
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
  readonly enabled: boolean;
  readonly created_at: Date;
  readonly updated_at: Date;
}

/** A guardrail that is ready to look at texts. */
export interface Guardrail extends Pick<GuardrailRow, 'id' | 'name' | 'action' | 'stages'> {
  readonly detector: Detector;
}

export function guardrailOf({ id, name, action, stages, kind, config }: GuardrailRow): Guardrail {
  return { id, name, action, stages, detector: detectorOf(kind, config) };
}

/** Throws for a pattern that is none. */
export function detectorOf(kind: GuardrailKind, config: GuardrailConfig): Detector {
  if (kind === 'keywords') return keywordDetector(config.words ?? []);
  if (kind === 'patterns') return patternDetector(config.patterns ?? []);
  if (kind === 'personal_data') return personalDataDetector(config.types ?? []);
  return secretDetector();
}

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
    enabled: row.enabled,
    created_at: Math.floor(row.created_at.getTime() / 1000),
    updated_at: Math.floor(row.updated_at.getTime() / 1000),
  };
}
