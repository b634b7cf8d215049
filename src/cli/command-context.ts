import type { Environment } from '../config/mistakes.ts';
import type { Output } from './output.ts';

/** What every command works with. */
export interface CommandContext {
  readonly env: Environment;
  readonly output: Output;
}
