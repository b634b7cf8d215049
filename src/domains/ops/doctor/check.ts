import type { DoctorContext } from './context.ts';
import type { Finding } from './finding.ts';
import type { Text } from './text.ts';

/** One question to an installation. It reads only, and ends soon after its signal aborts. */
export interface Check {
  /** `<group>.<subject>`; stable, for scripts and for docs/troubleshooting.md. */
  readonly id: string;
  readonly title: Text;
  /** How people meet the trouble; the index of docs/troubleshooting.md is made of these. */
  readonly symptom: Text;
  /** What to do about it. */
  readonly hint: Text;
  /** `data`: needs what is stored, so that a running embedded server has to be asked. */
  readonly place: 'host' | 'data';
  /** Ids of checks without which this one would only repeat their trouble. */
  readonly needs?: readonly string[];
  /** False for parts that this installation does not have. */
  appliesTo?(context: DoctorContext): boolean;
  run(context: DoctorContext, signal: AbortSignal): Promise<Finding>;
}
