import { expect } from 'vitest';
import type { ValuesByField } from '../support/fuzz/json-schema.ts';
import { call } from './api-client.ts';

const ZEROS = '0'.repeat(24);

/** Things that exist and things that do not, by the name of the field that takes them. */
export async function knownValues(url: string, key: string): Promise<ValuesByField> {
  const created = async (path: string, json: object): Promise<string> => {
    const answer = await call(url, { path, key, json });
    expect([200, 201], `${path}: ${answer.text}`).toContain(answer.status);
    return String(answer.json['id']);
  };
  const project = await created('/api/v1/projects', { name: 'fuzzed' });
  const api = await created('/api/v1/keys', {
    name: 'fuzzed',
    scopes: ['inference'],
    project_id: project,
  });
  const provider = await created('/api/v1/providers', {
    name: 'fuzzed',
    kind: 'openai-compatible',
    base_url: 'http://127.0.0.1:9/v1',
  });
  const deployment = await created('/api/v1/deployments', {
    name: 'fuzzed',
    provider,
    upstream_model: 'fuzzed',
  });
  const model = await created('/api/v1/models', {
    name: 'fuzzed',
    deployments: [{ deployment }],
  });
  const limit = await created('/api/v1/limits', {
    scope: 'project',
    scope_id: project,
    kind: 'requests',
    amount: 1_000_000,
    period: 'minute',
  });
  const guardrail = await created('/api/v1/guardrails', {
    name: 'fuzzed',
    scope: 'project',
    scope_id: project,
    kind: 'secrets',
    action: 'flag',
    enabled: true,
  });
  const invite = { email: 'fuzzed@example.com', role: 'developer', project_id: project };
  const invitation = await created('/api/v1/invitations', invite);
  const user = await invitedUser(url, key, project);
  const store = await created('/v1/vector_stores', { name: 'fuzzed' });
  const file = await uploaded(url, key);
  const batch = await created(`/v1/vector_stores/${store}/file_batches`, { file_ids: [file] });
  return {
    project_id: [project, `proj_${ZEROS}`],
    key_id: [api, `key_${ZEROS}`],
    provider_id: [provider, `prov_${ZEROS}`],
    provider: ['fuzzed', provider],
    deployment_id: [deployment, `dep_${ZEROS}`],
    deployment: ['fuzzed', deployment],
    model_id: [model, 'model_0'],
    model: ['scripted-chat', 'no-such-model'],
    limit_id: [limit, 'limit_0'],
    scope_id: [project, api, 'fuzzed'],
    guardrail_id: [guardrail, 'guard_0'],
    invitation_id: [invitation, 'inv_0'],
    user_id: [user, 'user_0'],
    session_id: ['sess_0'],
    store_id: [store, `vs_${ZEROS}`],
    file_id: [file, `file-${ZEROS}`],
    batch_id: [batch, `vsfb_${ZEROS}`],
    version_id: ['1', '0'],
    name: ['fuzzed', 'another'],
    after: [file, store, `file-${ZEROS}`],
    before: [file, store],
    email: ['admin@localhost', 'a@b.c'],
  };
}

/** Somebody whose loss the other calls do not feel. */
async function invitedUser(url: string, key: string, project: string): Promise<string> {
  const json = { email: 'member@example.com', role: 'developer', project_id: project };
  const { json: invitation } = await call(url, { path: '/api/v1/invitations', key, json });
  const link = String(invitation['url']);
  const token = /token=([^&]+)/.exec(link)?.[1] ?? '';
  const answer = await call(url, {
    path: '/api/v1/auth/invitations/accept',
    json: { token: decodeURIComponent(token), name: 'fuzzed', password: 'long enough for this' },
  });
  expect(answer.status, answer.text).toBe(200);
  return String(answer.json['id']);
}

async function uploaded(url: string, key: string): Promise<string> {
  const body = [
    '--b\r\ncontent-disposition: form-data; name="purpose"\r\n\r\nassistants\r\n',
    '--b\r\ncontent-disposition: form-data; name="file"; filename="a.txt"\r\n\r\na note\r\n--b--\r\n',
  ].join('');
  const headers = { 'content-type': 'multipart/form-data; boundary=b' };
  const answer = await call(url, { path: '/v1/files', key, body, headers });
  expect(answer.status, answer.text).toBe(200);
  return String(answer.json['id']);
}
