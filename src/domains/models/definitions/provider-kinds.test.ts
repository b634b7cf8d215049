import { describe, expect, it } from 'vitest';
import { type ProviderFields, providerFaults } from './provider-kinds.ts';

const fieldsOf = (provider: ProviderFields) => providerFaults(provider).map(({ field }) => field);
const keys = { access_key_id: 'a', secret_access_key: 's' };

describe('what a kind of provider allows', () => {
  it.each<ProviderFields>([
    { kind: 'openai-compatible' },
    { kind: 'openai-compatible', base_url: 'http://127.0.0.1:11434/v1' },
    { kind: 'openai-compatible', base_url: 'http://[::1]:8080/v1', credential: null },
    { kind: 'azure', base_url: 'https://x.openai.azure.com', api_version: '2024-10-21' },
    { kind: 'anthropic', credential: { api_key: 'k' } },
    { kind: 'google', credential: { api_key: 'k' } },
    { kind: 'bedrock', region: 'eu-west-1', credential: keys },
    { kind: 'bedrock', region: 'eu-west-1', credential: { ...keys, session_token: 't' } },
    { kind: 'bedrock', region: 'eu-west-1', credential: { api_key: 'k' } },
  ])('GW-11 %j', (provider) => expect(fieldsOf(provider)).toEqual([]));

  it.each<[ProviderFields, string[]]>([
    [{ kind: 'azure' }, ['base_url']],
    [{ kind: 'bedrock' }, ['region']],
    [{ kind: 'openai-compatible', base_url: 'ftp://host' }, ['base_url']],
    [{ kind: 'openai-compatible', base_url: 'host/v1' }, ['base_url']],
    [{ kind: 'openai-compatible', base_url: 'http://' }, ['base_url']],
    [{ kind: 'openai-compatible', base_url: 'https://u:p@host/v1' }, ['base_url']],
    [{ kind: 'openai-compatible', base_url: 'https://host/v1?key=1' }, ['base_url']],
    [{ kind: 'openai-compatible', base_url: 'https://host/v1#a' }, ['base_url']],
    [{ kind: 'openai-compatible', base_url: 'https://ho st/v1' }, ['base_url']],
    [{ kind: 'google', api_version: '1', region: 'eu' }, ['api_version', 'region']],
    [{ kind: 'google', credential: {} }, ['credential.api_key']],
    [{ kind: 'google', credential: keys }, ['credential.access_key_id']],
    [{ kind: 'bedrock', region: 'eu', credential: {} }, ['credential.api_key']],
    [
      { kind: 'bedrock', region: 'eu', credential: { access_key_id: 'a' } },
      ['credential.secret_access_key'],
    ],
    [
      { kind: 'bedrock', region: 'eu', credential: { session_token: 't' } },
      ['credential.access_key_id'],
    ],
    [
      { kind: 'bedrock', region: 'eu', credential: { ...keys, api_key: 'k' } },
      ['credential.api_key'],
    ],
  ])('not %j', (provider, fields) => expect(fieldsOf(provider)).toEqual(fields));
});
