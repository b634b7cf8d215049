import type { Environment, Mistake } from './mistakes.ts';
import { VARIABLE_NAMES, VARIABLES } from './schema.ts';

// Read by the test runner, not by the application; a server under test inherits them.
const RESERVED = /^LLAMP_(TEST|SERVERS)_/;

/** A mistyped variable would silently leave its default in force, so every unknown LLAMP_ name is a mistake. */
export function unknownVariables(env: Environment): Mistake[] {
  const known = new Set<string>(VARIABLE_NAMES);
  for (const name of VARIABLE_NAMES) if (VARIABLES[name].file) known.add(`${name}_FILE`);
  return Object.keys(env)
    .filter((name) => name.startsWith('LLAMP_') && !RESERVED.test(name) && !known.has(name))
    .sort()
    .map((name) => ({
      variable: name,
      reason: 'is not a variable of Llamp',
      fix: fixFor(name, known),
    }));
}

function fixFor(name: string, known: ReadonlySet<string>): string {
  if (/_(SERVICE_HOST|SERVICE_PORT.*|PORT_\d+_TCP.*)$/.test(name)) {
    return 'Kubernetes added it: set `enableServiceLinks: false` in the pod';
  }
  const nearest = [...known]
    .map((candidate) => ({
      candidate,
      distance: name.startsWith(candidate) ? 1 : editDistance(name, candidate),
    }))
    .sort((a, b) => a.distance - b.distance)[0];
  return nearest !== undefined && nearest.distance <= Math.max(2, name.length / 4)
    ? `did you mean ${nearest.candidate}?`
    : 'remove it; docs/configuration.md lists every variable';
}

function editDistance(a: string, b: string): number {
  let previous = Array.from({ length: b.length + 1 }, (_, column) => column);
  for (let row = 1; row <= a.length; row++) {
    const current = [row];
    for (let column = 1; column <= b.length; column++) {
      const substitution = (previous[column - 1] ?? 0) + (a[row - 1] === b[column - 1] ? 0 : 1);
      current.push(
        Math.min(substitution, (previous[column] ?? 0) + 1, (current[column - 1] ?? 0) + 1),
      );
    }
    previous = current;
  }
  return previous[b.length] ?? 0;
}
