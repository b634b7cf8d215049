import type { Environment, Mistake } from './mistakes.ts';
import { VARIABLE_NAMES, VARIABLES } from './schema.ts';

// Of the test runner, and those that Kubernetes adds for a service that is called llamp.
const FOREIGN = /^LLAMP_(TEST|SERVERS)_|_(SERVICE_HOST|SERVICE_PORT.*|PORT_\d+_.*)$/;

/** Every name of ours in form that nothing reads, near or far. */
export function unreadVariables(env: Environment): string[] {
  const known = knownNames();
  return Object.keys(env)
    .filter((name) => name.startsWith('LLAMP_') && !FOREIGN.test(name) && !known.has(name))
    .sort();
}

/**
 * Names that are almost one of ours are mistakes, since the default would silently stay in force. Other LLAMP_ names
 * belong to someone else: scripts around the server, or the service links of Kubernetes.
 */
export function unknownVariables(env: Environment): Mistake[] {
  const known = knownNames();
  return unreadVariables(env).flatMap((name) => {
    const nearest = nearestName(name, known);
    if (nearest === undefined) return [];
    const fix = `did you mean ${nearest}?`;
    return [{ variable: name, reason: 'is not a variable of Llamp', fix }];
  });
}

function knownNames(): ReadonlySet<string> {
  const known = new Set<string>(VARIABLE_NAMES);
  for (const name of VARIABLE_NAMES) if (VARIABLES[name].file) known.add(`${name}_FILE`);
  return known;
}

function nearestName(name: string, known: ReadonlySet<string>): string | undefined {
  const nearest = [...known]
    .map((candidate) => ({
      candidate,
      distance: name.startsWith(candidate) ? 1 : editDistance(name, candidate),
    }))
    .sort((a, b) => a.distance - b.distance)[0];
  const isNear = nearest !== undefined && nearest.distance <= Math.max(2, name.length / 8);
  return isNear ? nearest.candidate : undefined;
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
