import type { Principal } from '../identity/index.ts';
import { modelNotFound } from './errors.ts';
import { MODEL_NAME_MAX } from './schemas.ts';

/** Throws what an unknown model gets, so that a key learns nothing of models that it may not use. */
export function requireAllowedModel({ models }: Principal, name: string): void {
  if (models === undefined || models.has(name)) return;
  throw modelNotFound(name.slice(0, MODEL_NAME_MAX));
}
