import type { Check } from '../../check.ts';
import type { DoctorSettings } from '../../context.ts';
import { fail, ok, warn } from '../../finding.ts';
import { isLoopback } from '../../loopback.ts';
import { text } from '../../text.ts';
import { isWeakKey, isWeakSecret } from '../../weak-secret.ts';

export const weakSecrets: Check = {
  id: 'configuration.weak-secrets',
  title: text('Secrets that can be guessed', '容易被猜到的密钥'),
  symptom: text('A secret is a default, an example or too short', '密钥是默认值、示例值或过短'),
  hint: text(
    'Make new ones, for example with `openssl rand -base64 32`, and set them in the server and here.',
    '生成新的密钥（例如 `openssl rand -base64 32`），并同时在服务端和此处更新。',
  ),
  place: 'host',
  run: async ({ configuration: { settings } }) => {
    const weak = weakOf(settings);
    if (weak.length === 0) return ok('none', '无');
    const list = weak.map(({ variable }) => variable);
    // Whoever reaches a store on another machine can guess its password, too.
    const isReachable = weak.some(({ isFar }) => isFar);
    const finding = isReachable ? fail : warn;
    return finding(list.join(', '), list.join('、'));
  },
};

function weakOf(settings: DoctorSettings): { variable: string; isFar: boolean }[] {
  const { database, redis, s3, masterKeys, bootstrap } = settings;
  const inUrl = (variable: string, url: string | undefined) => {
    if (url === undefined) return [];
    const { password, hostname } = new URL(url);
    const isWeak = password !== '' && isWeakSecret(decodeURIComponent(password));
    return isWeak ? [{ variable, isFar: !isLoopback(hostname) }] : [];
  };
  const near = (variable: string, isWeak: boolean) => (isWeak ? [{ variable, isFar: true }] : []);
  return [
    ...inUrl('DATABASE_URL', database?.url),
    ...inUrl('REDIS_URL', redis?.url),
    ...(s3 !== undefined && isWeakSecret(s3.secretKey)
      ? [{ variable: 'MINIO_SECRET_KEY', isFar: !isLoopback(new URL(s3.endpoint).hostname) }]
      : []),
    ...near('LLAMP_SECRET_KEY', masterKeys?.some(isWeakKey) === true),
    ...near('LLAMP_BOOTSTRAP_ADMIN_PASSWORD', isWeakIfSet(bootstrap.adminPassword)),
    ...near('LLAMP_BOOTSTRAP_API_KEY', isWeakIfSet(bootstrap.apiKey)),
  ];
}

const isWeakIfSet = (secret: string | undefined) => secret !== undefined && isWeakSecret(secret);
