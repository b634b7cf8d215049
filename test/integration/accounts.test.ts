import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { type FreshDatabase, freshPglite, freshPostgres } from '../support/fresh-databases.ts';
import { describeWithLegs } from '../support/legs.ts';
import {
  type Installation,
  installPeople,
  type PeopleInstance,
  startPeopleInstance,
} from '../support/people-instance.ts';

const EFFECT_MAX_MS = 2_000;
const DAY_MS = 86_400_000;
const PASSWORD = 'another long password';

describe('accounts on PGlite', () => accountTests(freshPglite));
describeWithLegs('accounts on PostgreSQL', ['postgres'], ({ postgres }) =>
  accountTests(() => freshPostgres(postgres)),
);

function accountTests(fresh: () => Promise<FreshDatabase>): void {
  let installation: Installation;
  let here: PeopleInstance;
  let there: PeopleInstance;
  let owner: string;

  beforeAll(async () => {
    installation = await installPeople(fresh);
    here = await startPeopleInstance(installation);
    there = await startPeopleInstance(installation);
    owner = (await here.signIn()).access_token;
  });
  afterAll(async () => {
    await here?.close();
    await there?.close();
    await installation?.dispose();
  });

  const call = (method: 'GET' | 'POST' | 'DELETE', path: string, token = owner, body?: object) =>
    here.call(`/api/v1${path}`, { method, token, body });
  const effectThere = async (token: string, isKnown: boolean) =>
    vi.waitFor(() => {
      const { keys, people } = there;
      const principal = token.startsWith('eyJ')
        ? people.signIn.authenticate(token)
        : keys.authenticate(token);
      expect(principal !== null).toBe(isKnown);
    }, EFFECT_MAX_MS);
  const auditOf = async (action: string) => {
    const { rows } = await installation.database.execute<Record<string, unknown>>({
      sql: 'select * from audit_events where action = $1 order by created_at, ordinal',
      parameters: [action],
    });
    return rows;
  };

  async function invited(email: string, role: string, projectId?: string) {
    const body = { email, role, ...(projectId === undefined ? {} : { project_id: projectId }) };
    const { status, json } = await call('POST', '/invitations', owner, body);
    expect(status).toBe(201);
    const accept = { token: json['token'], name: 'Newcomer', password: PASSWORD };
    const accepted = await here.call('/api/v1/auth/invitations/accept', { body: accept });
    expect(accepted.status).toBe(200);
    const tokens = await here.signIn({ email, password: PASSWORD });
    return { id: String(accepted.json['id']), token: tokens.access_token, tokens };
  }

  test('ID-1 a changed password ends every session but the present one', async () => {
    const { id, token } = await invited('changer@example.com', 'admin');
    const other = await here.signIn({ email: 'changer@example.com', password: PASSWORD });
    const change = (current: string, next: string) =>
      call('POST', '/auth/password', token, { current_password: current, new_password: next });
    expect(await change('wrong', 'a third long password')).toMatchObject({
      status: 400,
      code: 'wrong_password',
    });
    expect((await change(PASSWORD, 'short')).status).toBe(400);
    expect((await change(PASSWORD, 'a third long password')).status).toBe(204);
    expect((await call('GET', '/me', token)).status).toBe(200);
    expect((await call('GET', '/me', other.access_token)).status).toBe(401);
    await effectThere(other.access_token, false);
    const { refresh_token } = other;
    const refused = await here.call('/api/v1/auth/refresh', { body: { refresh_token } });
    expect(refused.status).toBe(401);
    await here.signIn({ email: 'changer@example.com', password: 'a third long password' });
    expect(await auditOf('users.change_password')).toMatchObject([{ actor_user_id: id }]);
  });

  test('ID-1 ten wrong present passwords are throttled', async () => {
    const { token } = await invited('guesser@example.com', 'admin');
    const guess = (current: string) =>
      call('POST', '/auth/password', token, { current_password: current, new_password: PASSWORD });
    for (let attempt = 0; attempt < 10; attempt += 1)
      expect((await guess('wrong')).code).toBe('wrong_password');
    expect((await guess(PASSWORD)).code).toBe('too_many_sign_ins');
  });

  test('ID-1 people list their sessions and end one or all others', async () => {
    const { token } = await invited('sessions@example.com', 'admin');
    const credentials = { email: 'sessions@example.com', password: PASSWORD };
    const [second, third] = [await here.signIn(credentials), await here.signIn(credentials)];
    const list = async (query = '') => (await call('GET', `/auth/sessions${query}`, token)).json;
    const sessions = (await list())['data'] as { id: string; current: boolean }[];
    expect(sessions).toHaveLength(3);
    expect(sessions.map(({ current }) => current)).toEqual([false, false, true]);
    expect(sessions[0]).toMatchObject({ object: 'session', address: '127.0.0.1' });
    const rest = await list(`?limit=2&after=${sessions[0]?.id}`);
    expect(rest).toMatchObject({ has_more: false, first_id: sessions[1]?.id });
    expect((await call('DELETE', `/auth/sessions/${sessions[0]?.id}`, token)).status).toBe(200);
    expect((await call('GET', '/me', third.access_token)).status).toBe(401);
    const again = await call('DELETE', `/auth/sessions/${sessions[0]?.id}`, token);
    expect([again.status, again.code]).toEqual([404, 'session_not_found']);
    const foreign = await call('DELETE', `/auth/sessions/${sessions[1]?.id}`);
    expect([foreign.status, foreign.code]).toEqual([404, 'session_not_found']);
    expect((await call('DELETE', '/auth/sessions', token)).json['ended']).toBe(1);
    await effectThere(second.access_token, false);
    expect((await call('GET', '/me', token)).status).toBe(200);
  });

  test('ID-1 a link resets a password once, in a page, and makes nobody an administrator', async () => {
    const { id, token } = await invited('forgetful@example.com', 'viewer', installation.projectId);
    const { organizationId } = installation;
    const make = () =>
      here.people.users.createPasswordReset({ organizationId }, 'Forgetful@example.com');
    const older = await make();
    const { token: link } = await make();
    const page = await here.call(`/reset-password?token=${link}&lang=zh`);
    expect(page.text).toContain('设置新密码');
    const submit = (given: string, path = '/reset-password') =>
      here.app.inject({
        method: 'POST',
        url: path,
        headers: { 'content-type': 'application/x-www-form-urlencoded' },
        payload: new URLSearchParams({
          token: given,
          password: 'a reset long password',
          email: 'forgetful@example.com',
          name: 'F',
        }).toString(),
      });
    expect((await submit(older.token)).statusCode).toBe(400);
    // A link that sets a password is no link that sets up an administrator with a key.
    expect((await submit(link, '/setup')).statusCode).toBe(400);
    expect((await submit(link)).statusCode).toBe(200);
    expect((await submit(link)).statusCode).toBe(400);
    expect((await call('GET', '/me', token)).status).toBe(401);
    await here.signIn({ email: 'forgetful@example.com', password: 'a reset long password' });
    expect(await auditOf('users.reset_password')).toMatchObject([{ actor_user_id: id }]);
  });

  test('ID-1 an invitation is one link for one person, stored as a hash, with an end', async () => {
    const body = {
      email: 'Late@Example.com',
      role: 'developer',
      project_id: installation.projectId,
    };
    const first = await call('POST', '/invitations', owner, body);
    const second = await call('POST', '/invitations', owner, body);
    expect(String(second.json['url'])).toContain('/accept-invitation?token=');
    const accept = (token: unknown) =>
      here.call('/api/v1/auth/invitations/accept', {
        body: { token, name: 'Late', password: PASSWORD },
      });
    // The newer link ends the older one.
    expect((await accept(first.json['token'])).code).toBe('invalid_one_time_link');
    const listed = (await call('GET', '/invitations')).json['data'] as Record<string, unknown>[];
    expect(listed[0]).toMatchObject({ email: 'late@example.com', role: 'developer' });
    expect(listed[0]).not.toHaveProperty('token');
    installation.clock.offsetMs += 7 * DAY_MS;
    expect((await accept(second.json['token'])).code).toBe('invalid_one_time_link');
    installation.clock.offsetMs -= 7 * DAY_MS;
    const { rows } = await installation.database.execute({
      sql: `select encode(token_hash, 'escape') as hash from invitations`,
      parameters: [],
    });
    expect(JSON.stringify(rows)).not.toContain(String(second.json['token']));
    const answers = await Promise.all([1, 2, 3].map(() => accept(second.json['token'])));
    expect(answers.map(({ status }) => status).sort()).toEqual([200, 400, 400]);
    const signedIn = await here.signIn({ email: 'late@example.com', password: PASSWORD });
    const me = await call('GET', '/me', signedIn.access_token);
    expect(me.json).toMatchObject({ scopes: ['inference', 'knowledge'] });
    const taken = await call('POST', '/invitations', owner, body);
    expect([taken.status, taken.code]).toEqual([409, 'already_member']);
  });

  test('ID-1 a revoked invitation opens nothing, and the form says so in a page', async () => {
    const body = { email: 'revoked@example.com', role: 'admin' };
    const { json } = await call('POST', '/invitations', owner, body);
    const path = `/invitations/${json['id']}`;
    expect((await call('DELETE', path)).status).toBe(200);
    expect((await call('DELETE', path)).code).toBe('invitation_not_found');
    const form = { token: String(json['token']), name: 'R', password: PASSWORD };
    const answer = await here.app.inject({
      method: 'POST',
      url: '/accept-invitation?lang=en',
      headers: { 'content-type': 'application/x-www-form-urlencoded' },
      payload: new URLSearchParams(form).toString(),
    });
    expect(answer.statusCode).toBe(400);
    expect(answer.body).toContain('The one-time link is unknown, used or expired.');
    expect(answer.body).not.toContain(PASSWORD);
  });

  test('ID-1 nobody grants what they lack', async () => {
    const admin = await invited('granting-admin@example.com', 'admin');
    const local = await invited('local-owner@example.com', 'owner', installation.projectId);
    const project = { project_id: installation.projectId };
    const invite = async (token: string, body: object) => {
      const email = 'wanted@example.com';
      const answer = await call('POST', '/invitations', token, { email, ...body });
      return answer.status === 201 ? 201 : answer.code;
    };
    expect(await invite(admin.token, { role: 'owner' })).toBe('role_not_held');
    expect(await invite(admin.token, { role: 'owner', ...project })).toBe('role_not_held');
    expect(await invite(admin.token, { role: 'admin' })).toBe(201);
    // The owner of one project reaches nobody beyond it.
    expect(await invite(local.token, { role: 'admin' })).toBe('organization_out_of_reach');
    expect(await invite(local.token, { role: 'owner', ...project })).toBe(201);
    expect(await invite(installation.apiKey, { role: 'owner' })).toBe('role_not_held');
    expect(await invite(owner, { role: 'viewer' })).toBe('invalid_role');
    expect(await invite(owner, { role: 'viewer', project_id: 'proj_x' })).toBe('project_not_found');
    expect((await call('POST', `/users/${admin.id}/disable`, local.token)).code).toBe(
      'insufficient_permissions',
    );
    const { ownerId } = installation;
    expect((await call('POST', `/users/${ownerId}/disable`, admin.token)).code).toBe(
      'role_not_held',
    );
  });

  test('ID-1 ID-3 a disabled user is out on every instance within 2 s, keys included', async () => {
    const { id, token, tokens } = await invited('leaver@example.com', 'admin');
    const made = await call('POST', '/keys', token, { name: 'theirs', scopes: ['inference'] });
    const key = String(made.json['key']);
    await installation.database.execute({
      sql: 'update api_keys set created_by = $1 where id = $2',
      parameters: [id, made.json['id']],
    });
    const open = await call('POST', '/invitations', token, {
      email: 'friend@example.com',
      role: 'admin',
    });
    await effectThere(key, true);
    await effectThere(token, true);
    const startedMs = performance.now();
    expect((await call('POST', `/users/${id}/disable`)).json).toMatchObject({ disabled: true });
    await Promise.all([effectThere(key, false), effectThere(token, false)]);
    expect(performance.now() - startedMs).toBeLessThan(EFFECT_MAX_MS);
    expect((await call('GET', '/me', token)).status).toBe(401);
    expect((await call('GET', '/me', key)).status).toBe(401);
    const refresh = () =>
      here.call('/api/v1/auth/refresh', { body: { refresh_token: tokens.refresh_token } });
    expect((await refresh()).status).toBe(401);
    const credentials = { email: 'leaver@example.com', password: PASSWORD };
    const signIn = () => here.call('/api/v1/auth/sign-in', { body: credentials });
    expect((await signIn()).code).toBe('invalid_credentials');
    const friend = { token: open.json['token'], name: 'Friend', password: PASSWORD };
    const accepted = await here.call('/api/v1/auth/invitations/accept', { body: friend });
    expect(accepted.code).toBe('invalid_one_time_link');
    expect((await call('POST', `/users/${id}/enable`)).json).toMatchObject({ disabled: false });
    expect((await signIn()).status).toBe(200);
    await effectThere(key, true);
    expect((await refresh()).status).toBe(401);
    expect((await call('GET', '/me', token)).status).toBe(401);
    expect(await auditOf('users.disable')).toMatchObject([{ resource_id: id }]);
  });

  test('ID-3 a user of nowhere is not found, and a key has no account', async () => {
    const missing = await call('POST', '/users/user_foreign/disable');
    expect([missing.status, missing.code]).toEqual([404, 'user_not_found']);
    const answer = await call('GET', '/auth/sessions', installation.apiKey);
    expect([answer.status, answer.code]).toEqual([403, 'not_signed_in']);
  });

  // The last test: it leaves one of the owners disabled.
  test('ID-2 the last owner stays, also when two disable each other at once', async () => {
    const { ownerId } = installation;
    const alone = await call('POST', `/users/${ownerId}/disable`);
    expect([alone.status, alone.code]).toEqual([409, 'last_owner']);
    const second = await invited('second-owner@example.com', 'owner');
    const answers = await Promise.all([
      call('POST', `/users/${second.id}/disable`, owner),
      call('POST', `/users/${ownerId}/disable`, second.token),
    ]);
    const { rows } = await installation.database.execute<{ count: number }>({
      sql: `select count(*)::int4 as count from users u join organization_members m on m.user_id = u.id
        where m.role = 'owner' and u.disabled_at is null`,
      parameters: [],
    });
    expect(rows[0]?.count).toBe(1);
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(1);
  });
}
