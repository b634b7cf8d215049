import { BUILTIN_CHAT_MODEL, BUILTIN_EMBEDDING_MODEL } from '../builtin-models.ts';
import type { MemberBody } from '../schemas.ts';
import type { Fault } from './provider-kinds.ts';

const BUILTIN_NAMES: readonly string[] = [BUILTIN_CHAT_MODEL, BUILTIN_EMBEDDING_MODEL];

/** Everything that is wrong with a model beyond its form. */
export function modelFaults(model: {
  readonly name: string;
  readonly deployments: readonly MemberBody[];
  readonly fallbacks: readonly string[];
}): Fault[] {
  const faults: Fault[] = [];
  if (BUILTIN_NAMES.includes(model.name))
    faults.push({ field: 'name', message: 'is the name of a built-in model' });
  const seen = new Set<string>();
  for (const [index, { deployment }] of model.deployments.entries()) {
    if (seen.has(deployment))
      faults.push({ field: `deployments[${index}].deployment`, message: 'stands here twice' });
    seen.add(deployment);
  }
  for (const [index, fallback] of model.fallbacks.entries()) {
    if (fallback === model.name)
      faults.push({ field: `fallbacks[${index}]`, message: 'is the model itself' });
  }
  return faults;
}
