import type { Changes, FieldChange } from './audit-event.ts';

// Names of fields whose values are secrets, or lead to one. Services never pass them; this is the second net.
const SECRET_NAME =
  /secret|passw|credential|cookie|authorization|private_key|(^|_)(hash|token|key)$/i;
// They change with every change and say nothing.
const SILENT = new Set(['created_at', 'updated_at']);
const MASK = '***';
const TEXT_LENGTH_MAX = 1_000;
const CHANGES_LENGTH_MAX = 16_384;
const DEPTH_MAX = 6;

/** The fields that differ, before and after, without secrets; `null` stands for a thing that is not there. */
export function changedFields(before: object | null, after: object | null): Changes {
  const [old, fresh] = [entriesOf(before), entriesOf(after)];
  const changes: Record<string, FieldChange> = {};
  for (const name of new Set([...old.keys(), ...fresh.keys()])) {
    const change = { before: old.get(name), after: fresh.get(name) };
    if (SILENT.has(name) || JSON.stringify(change.before) === JSON.stringify(change.after))
      continue;
    changes[name] = change;
  }
  return changes;
}

/** What may be stored of `changes`: masked, and never larger than a bound. */
export function storableChanges(changes: Changes | undefined): Changes | null {
  if (changes === undefined) return null;
  const masked = maskedValue(changes, 0) as Changes;
  if (Object.keys(masked).length === 0) return null;
  if (JSON.stringify(masked).length <= CHANGES_LENGTH_MAX) return masked;
  // Which fields, at least: a change is never refused for being large.
  const names = Object.keys(masked).slice(0, 100);
  return { too_large: { after: names } };
}

function maskedValue(value: unknown, depth: number): unknown {
  if (typeof value === 'string') return shortened(value);
  if (value instanceof Date) return value.toISOString();
  if (value === null || typeof value !== 'object') return value;
  if (depth > DEPTH_MAX) return MASK;
  if (ArrayBuffer.isView(value)) return MASK;
  if (Array.isArray(value)) return value.map((each) => maskedValue(each, depth + 1));
  const entries = Object.entries(value).filter(([, each]) => each !== undefined);
  return Object.fromEntries(entries.map(([name, each]) => [name, maskedField(name, each, depth)]));
}

function maskedField(name: string, value: unknown, depth: number): unknown {
  if (!SECRET_NAME.test(name) || value === null) return maskedValue(value, depth + 1);
  // That a secret was there, or changed, is no secret.
  if (typeof value === 'object' && depth === 0) {
    return Object.fromEntries(
      Object.entries(value).map(([side, each]) => [side, (each ?? null) === null ? null : MASK]),
    );
  }
  return MASK;
}

// A zero byte cannot be stored in `jsonb`.
function shortened(text: string): string {
  const clean = text.toWellFormed().replaceAll('\u0000', '');
  return clean.length <= TEXT_LENGTH_MAX ? clean : `${clean.slice(0, TEXT_LENGTH_MAX)}…`;
}

function entriesOf(value: object | null): Map<string, unknown> {
  return new Map(Object.entries(value ?? {}));
}
