import { request } from 'undici';
import type { Check } from '../../check.ts';
import { fail, ok, reasonOf, skip, warn, codeOf } from '../../finding.ts';
import { text } from '../../text.ts';

const TIMEOUT_MS = 8_000;

export const upstreamAnswers: Check = {
  id: 'models.upstream',
  title: text('Upstream of the environment', '环境变量配置的上游'),
  symptom: text(
    '`models_unavailable`, or 401 from the upstream',
    '`models_unavailable`，或上游返回 401',
  ),
  hint: text(
    'Correct OPENAI_API_BASE; it ends with the version, as in …/v1.',
    '改正 OPENAI_API_BASE；以版本结尾，如 …/v1。',
  ),
  place: 'host',
  appliesTo: ({ configuration }) => configuration.settings.upstream !== undefined,
  run: async ({ configuration, options }, signal) => {
    const { upstream } = configuration.settings;
    if (!options.providers || upstream === undefined)
      return skip('only with --providers', '仅在使用 --providers 时检查');
    const { host } = new URL(upstream.baseUrl);
    try {
      const status = await statusOf(`${upstream.baseUrl}/models`, upstream.apiKey, signal);
      if (status === 401 || status === 403)
        return fail(
          `${host} refuses the key (${status})`,
          `${host} 拒绝了密钥（${status}）`,
          text('Correct OPENAI_API_KEY.', '改正 OPENAI_API_KEY。'),
        );
      const [en, zh] = [`${host} answers ${status}`, `${host} 应答 ${status}`];
      if (status >= 500) return fail(en, zh);
      return status >= 400 ? warn(en, zh) : ok(en, zh);
    } catch (error) {
      const reason = codeOf(error) || reasonOf(error);
      return fail(`${host}: ${reason}`, `${host}：${reason}`);
    }
  },
};

async function statusOf(url: string, key: string | undefined, signal: AbortSignal) {
  const { statusCode, body } = await request(url, {
    headers: key === undefined ? {} : { authorization: `Bearer ${key}` },
    headersTimeout: TIMEOUT_MS,
    bodyTimeout: TIMEOUT_MS,
    signal: AbortSignal.any([signal, AbortSignal.timeout(TIMEOUT_MS)]),
  });
  await body.dump();
  return statusCode;
}
