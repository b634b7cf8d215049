import { isIP } from 'node:net';
import type { Check } from '../../check.ts';
import type { DoctorSettings } from '../../context.ts';
import { fail, ok } from '../../finding.ts';
import { text } from '../../text.ts';

export const storeNames: Check = {
  id: 'host.store-names',
  title: text('Host names of the stores', '存储服务的主机名'),
  symptom: text('`ENOTFOUND` or `EAI_AGAIN` at the start', '启动时出现 `ENOTFOUND` 或 `EAI_AGAIN`'),
  hint: text(
    'Correct the name in the variable, or the DNS; inside Compose a service name is known only on its own network.',
    '改正变量中的名称或 DNS；在 Compose 中，服务名只在所属网络内可解析。',
  ),
  place: 'host',
  appliesTo: ({ configuration }) => namesOf(configuration.settings).length > 0,
  run: async ({ host, configuration }) => {
    const names = namesOf(configuration.settings);
    const outcomes = await Promise.allSettled(names.map(({ name }) => host.resolve(name)));
    const unknown = names.filter((_, at) => outcomes[at]?.status === 'rejected');
    if (unknown.length === 0) {
      const list = names.map(({ name }) => name).join(', ');
      return ok(list, list);
    }
    const list = unknown.map(({ variable, name }) => `${name} (${variable})`).join(', ');
    return fail(`not known: ${list}`, `无法解析：${list}`);
  },
};

function namesOf({ database, redis, s3, milvus }: DoctorSettings) {
  const hostOf = (url: string | undefined) =>
    url === undefined ? undefined : new URL(url).hostname.replace(/^\[|\]$/g, '');
  return [
    { variable: 'DATABASE_URL', name: hostOf(database?.url) },
    { variable: 'REDIS_URL', name: hostOf(redis?.url) },
    { variable: 'MINIO_ENDPOINT', name: hostOf(s3?.endpoint) },
    { variable: 'MILVUS_HOST', name: milvus?.host },
  ].flatMap(({ variable, name }) =>
    name === undefined || isIP(name) !== 0 ? [] : [{ variable, name }],
  );
}
