import { OutboundRefusedError, type OutboundGuard } from '../../../lib/outbound-guard/index.ts';
import { invalidValue } from '../errors.ts';
import { refusedKeyword } from './checks/json-schema-check.ts';
import {
  detectorOf,
  type GuardrailAction,
  type GuardrailConfig,
  type GuardrailKind,
  isWhole,
} from './guardrail.ts';

type Field = keyof GuardrailConfig;

/** The fields of each kind; the first of them has to be there. */
const FIELDS: Readonly<Record<GuardrailKind, readonly Field[]>> = {
  keywords: ['words'],
  patterns: ['patterns'],
  personal_data: ['types'],
  secrets: [],
  json_schema: ['schema'],
  webhook: ['url', 'timeout_ms', 'on_failure'],
};
const ALL_FIELDS = Object.values(FIELDS).flat();

/** What the kind needs, of what was given; throws a 400 for anything else. */
export function configOf(kind: GuardrailKind, given: GuardrailConfig): GuardrailConfig {
  const fields = FIELDS[kind];
  const [needed] = fields;
  for (const field of ALL_FIELDS) {
    if (given[field] !== undefined && !fields.includes(field))
      throw invalidValue(field, `nothing: '${kind}' has no such field`);
  }
  if (needed !== undefined && given[needed] === undefined)
    throw invalidValue(needed, `something, which '${kind}' needs`);
  const config: GuardrailConfig = Object.fromEntries(fields.map((field) => [field, given[field]]));
  refuseUnusable(kind, config);
  return config;
}

function refuseUnusable(kind: GuardrailKind, config: GuardrailConfig): void {
  if (kind === 'json_schema') {
    const keyword = refusedKeyword(config.schema);
    if (keyword !== undefined) throw invalidValue('schema', `a schema without '${keyword}'`);
  } else if (kind === 'webhook') {
    const url = URL.parse(config.url ?? '');
    if (
      url === null ||
      !/^https?:$/.test(url.protocol) ||
      url.username !== '' ||
      url.password !== ''
    )
      throw invalidValue('url', 'a URL that begins with https:// or http://, without credentials');
  } else refuseNoPattern(kind, config);
}

function refuseNoPattern(kind: GuardrailKind, config: GuardrailConfig): void {
  try {
    detectorOf(kind, config);
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw invalidValue('patterns', `regular expressions in RE2's syntax (${reason})`);
  }
}

/** Where nothing says which place it is, nothing can be masked. */
export function refuseMasking(kind: GuardrailKind, action: GuardrailAction): void {
  if (isWhole(kind) && action === 'mask')
    throw invalidValue('action', `'deny' or 'flag': '${kind}' looks at the whole text`);
}

/** Throws a 400 for a webhook at an inner address that the operator has not allowed. */
export async function refuseInnerPlace(guard: OutboundGuard, { url }: GuardrailConfig) {
  if (url === undefined) return;
  try {
    await guard.check(new URL(url));
  } catch (error) {
    if (!(error instanceof OutboundRefusedError)) throw error;
    throw invalidValue('url', `an address that users may reach (${error.message})`);
  }
}
