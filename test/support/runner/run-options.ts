import { parseArgs } from 'node:util';

export const PROJECTS = ['unit', 'contract', 'integration', 'acceptance'] as const;
export type Project = (typeof PROJECTS)[number];

export interface RunOptions {
  readonly projects: readonly Project[];
  /** Parts of file names, as vitest takes them; empty for all files. */
  readonly filters: readonly string[];
  /** Legs to start; undefined for every one that the machine has. */
  readonly legs: readonly string[] | undefined;
  readonly legsRequired: boolean;
  readonly staticChecks: boolean;
}

export const USAGE = `npm test -- [--project <name>]... [--legs <name,name|none>] [--no-checks] [file filter]...

  --project    ${PROJECTS.join(', ')}; all of them by default
  --legs       real servers to start; by default all that are installed, none for --project unit
  --no-checks  leave out type check and lint
`;

/** The meaning of the command line; throws with a sentence for a wrong one. */
export function parseRunOptions(
  args: readonly string[],
  environment: NodeJS.ProcessEnv,
): RunOptions {
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    allowNegative: true,
    options: {
      project: { type: 'string', multiple: true },
      legs: { type: 'string' },
      checks: { type: 'boolean', default: true },
    },
  });
  const projects = (values.project ?? [...PROJECTS]).map(asProject);
  const onlyUnit = projects.every((project) => project === 'unit');
  return {
    projects,
    filters: positionals,
    legs: onlyUnit && values.legs === undefined ? [] : asLegs(values.legs),
    legsRequired: environment['LLAMP_TEST_LEGS_REQUIRED'] === '1' && !onlyUnit,
    staticChecks: values.checks,
  };
}

function asProject(name: string): Project {
  const project = PROJECTS.find((known) => known === name);
  if (project === undefined) {
    throw new Error(`no project "${name}"; there are ${PROJECTS.join(', ')}`);
  }
  return project;
}

function asLegs(value: string | undefined): string[] | undefined {
  if (value === undefined) return undefined;
  return value === 'none' ? [] : value.split(',').filter(Boolean);
}
