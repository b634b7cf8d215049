import type { JsonObject } from '../field-checks.ts';
import { masked } from './detectors/detector.ts';
import {
  countLabels,
  type Guardrail,
  type GuardrailDecision,
  type GuardrailStage,
} from './guardrail.ts';
import type { TextMapper } from './map-texts.ts';

/** Collects what the guardrails of one stage of one call find. */
export class Inspection {
  readonly #stage: GuardrailStage;
  readonly #guardrails: readonly Guardrail[];
  readonly #found = new Map<Guardrail, Map<string, number>>();

  constructor(guardrails: readonly Guardrail[], stage: GuardrailStage) {
    this.#stage = stage;
    this.#guardrails = guardrails.filter(
      ({ stages, detector }) => detector !== undefined && stages.includes(stage),
    );
  }

  get guardrails(): readonly Guardrail[] {
    return this.#guardrails;
  }

  /** The text without what is to be masked; everything that is found is counted. */
  readonly inspect = (text: string): string => {
    let rest = text;
    for (const guardrail of this.#guardrails) {
      const matches = guardrail.detector?.find(rest) ?? [];
      if (matches.length === 0) continue;
      const found = this.#found.get(guardrail) ?? new Map<string, number>();
      countLabels(found, matches);
      this.#found.set(guardrail, found);
      if (guardrail.action === 'mask') rest = masked(rest, matches);
    }
    return rest;
  };

  /** The guardrail that refuses, when one that does has found something. */
  get denial(): Guardrail | undefined {
    for (const guardrail of this.#found.keys()) if (guardrail.action === 'deny') return guardrail;
    return undefined;
  }

  get decisions(): GuardrailDecision[] {
    return [...this.#found].map(([guardrail, found]) => ({ guardrail, stage: this.#stage, found }));
  }
}

/** Looks at all texts of a whole body. */
export function inspectBody(
  inspection: Inspection,
  json: JsonObject,
  mapTexts: (json: JsonObject, map: TextMapper) => JsonObject,
): JsonObject {
  return inspection.guardrails.length === 0 ? json : mapTexts(json, inspection.inspect);
}
