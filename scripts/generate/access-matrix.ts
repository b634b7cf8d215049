import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Action, may, POLICY } from '../../src/domains/identity/index.ts';
import { ROLES, type Role, SCOPES } from '../../src/domains/identity/role.ts';

type RoleIn = 'organization' | 'project';

interface Operation {
  readonly security?: readonly object[];
  readonly 'x-llamp-action'?: Action;
}

/** One column of the table: who calls. */
export interface MatrixCaller {
  readonly name: string;
  readonly may: (action: Action) => boolean;
}

/** One row of the table: `public`, `authenticated` or an action. */
export interface MatrixRoute {
  readonly method: string;
  readonly path: string;
  readonly access: 'public' | 'authenticated' | Action;
}

const ORGANIZATION_ROLES = ['owner', 'admin', 'auditor'] as const satisfies readonly Role[];

const person = (role: Role, roleIn: RoleIn): MatrixCaller => ({
  name: `${roleIn} ${role}`,
  may: (action) => may({ kind: 'user', scopes: [], role, roleIn }, action),
});

/** Every kind of caller there is. */
export const MATRIX_CALLERS: readonly MatrixCaller[] = [
  ...SCOPES.map((scope) => ({
    name: `key ${scope}`,
    may: (action: Action) => may({ kind: 'api_key', scopes: [scope] }, action),
  })),
  ...ORGANIZATION_ROLES.map((role) => person(role, 'organization')),
  ...ROLES.map((role) => person(role, 'project')),
];

/** What each route of an OpenAPI document asks of its caller. */
export function matrixRoutes(document: { paths: Record<string, object> }): MatrixRoute[] {
  return Object.entries(document.paths).flatMap(([path, operations]) =>
    Object.entries(operations as Record<string, Operation>).map(([method, operation]) => ({
      method: method.toUpperCase(),
      path,
      access: accessOf(operation),
    })),
  );
}

function accessOf(operation: Operation): MatrixRoute['access'] {
  const action = operation['x-llamp-action'];
  if (action !== undefined) return action;
  return operation.security?.length === 0 ? 'public' : 'authenticated';
}

export function isAllowed(caller: MatrixCaller, { access }: MatrixRoute): boolean {
  return access === 'public' || access === 'authenticated' || caller.may(access);
}

/** `docs/security/access-matrix.md`: the policy and every route, as tables. */
export async function accessMatrixDocument(root: string): Promise<string> {
  const text = await readFile(join(root, 'docs/openapi.json'), 'utf8');
  const routes = matrixRoutes(JSON.parse(text));
  return `# Who may do what

Made by \`npm run generate\` from the policy table (\`src/domains/identity/policy.ts\`) and the routes. A test calls every route as
every caller and finds no difference. ✓ allowed, – refused with 403. Which rows a caller then reaches is told in
[access.md](access.md): keys and roles in the organization reach the organization, roles in a project reach that project.

## Actions

${table(
  'action',
  Object.keys(POLICY) as Action[],
  (action, caller) => caller.may(action),
  (action) => `\`${action}\``,
)}

## Routes

Public routes are open to everybody; every other route answers 401 without a live credential.

${table('route', routes, (route, caller) => isAllowed(caller, route), routeName)}
`;
}

const routeName = ({ method, path, access }: MatrixRoute) =>
  `\`${method} ${path}\` (${access === 'public' || access === 'authenticated' ? access : `\`${access}\``})`;

function table<Row>(
  title: string,
  rows: readonly Row[],
  allows: (row: Row, caller: MatrixCaller) => boolean,
  nameOf: (row: Row) => string,
): string {
  const names = MATRIX_CALLERS.map((caller) => caller.name);
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |`;
  const body = rows.map((row) =>
    line([nameOf(row), ...MATRIX_CALLERS.map((caller) => (allows(row, caller) ? '✓' : '–'))]),
  );
  return [line([title, ...names]), line(['---', ...names.map(() => '---')]), ...body].join('\n');
}
