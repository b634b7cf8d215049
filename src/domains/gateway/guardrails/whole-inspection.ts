import type { JsonObject } from '../field-checks.ts';
import type { CheckedTexts } from './checks/whole-check.ts';
import type { Guardrail, GuardrailDecision, GuardrailStage } from './guardrail.ts';
import { mapAnswerTexts, mapRequestTexts } from './map-texts.ts';

/** The guardrails of a stage that look at whole texts. */
export const wholeChecks = (guardrails: readonly Guardrail[], stage: GuardrailStage) =>
  guardrails.filter(({ check, stages }) => check !== undefined && stages.includes(stage));

/** Asks all of them at once; those that found something. Rejects when one cannot be asked that must be. */
export async function wholeDecisions(
  guardrails: readonly Guardrail[],
  given: CheckedTexts,
): Promise<GuardrailDecision[]> {
  const decided = await Promise.all(
    guardrails.map(async (guardrail) => {
      const label = await guardrail.check?.check(given);
      if (label === undefined) return [];
      return [{ guardrail, stage: given.stage, found: new Map([[label, 1]]) }];
    }),
  );
  return decided.flat();
}

/** Every text of a request. */
export function requestTexts(json: JsonObject): string[] {
  const texts: string[] = [];
  mapRequestTexts(json, (text) => {
    texts.push(text);
    return text;
  });
  return texts;
}

const IS_CONTENT =
  /(^content\[\d+\]\.text|\.(message|delta)\.content|#\d+\.text|^#\d+delta\.text)$/;

/** What an answer says, one text for each choice or block, from its events or from the whole. */
export class AnswerTexts {
  readonly #texts = new Map<string, string>();

  add(json: JsonObject): void {
    mapAnswerTexts(json, (text, path) => {
      if (IS_CONTENT.test(path)) this.#texts.set(path, (this.#texts.get(path) ?? '') + text);
      return text;
    });
  }

  get texts(): string[] {
    return [...this.#texts.values()];
  }
}
