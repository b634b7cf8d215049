import { fail, type Finding, ok, warn } from './finding.ts';

const FAIL_MS = 60_000;
// A server whose answer took a while, or that tells whole seconds only, differs by this much without being wrong.
const WARN_MS = 2_500;

/** How far another clock is from ours. */
export function judgeClock(theirs: Date, ours: Date): Finding {
  const differenceMs = Math.abs(theirs.getTime() - ours.getTime());
  const seconds = (differenceMs / 1000).toFixed(1);
  const [en, zh] = [`${seconds} s apart`, `相差 ${seconds} 秒`];
  if (differenceMs > FAIL_MS) return fail(en, zh);
  return differenceMs > WARN_MS ? warn(en, zh) : ok(en, zh);
}
