import type { Check } from '../../check.ts';
import { fail, ok } from '../../finding.ts';
import { isLlamp, servesMetrics } from '../../is-llamp.ts';
import { isLoopback } from '../../loopback.ts';
import { text } from '../../text.ts';

export const metricsPort: Check = {
  id: 'host.metrics-port',
  title: text('Port of the metrics', '指标端口'),
  symptom: text(
    'Prometheus shows the target as down, or strangers read `/metrics`',
    'Prometheus 显示目标不可用，或 `/metrics` 被外人读取',
  ),
  hint: text(
    'Choose another LLAMP_METRICS_PORT; it asks for no key, so let only the monitoring network reach it.',
    '更换 LLAMP_METRICS_PORT；该端口不需要密钥，只应允许监控网络访问。',
  ),
  place: 'host',
  appliesTo: ({ configuration }) => configuration.settings.http.metricsPort !== undefined,
  run: async ({ host, configuration }, signal) => {
    const { http } = configuration.settings;
    const port = http.metricsPort ?? 0;
    const place = { host: http.host, port };
    const isFree = await host.tryToListen(place).then(
      () => true,
      () => false,
    );
    const isOurs = !isFree && (await servesMetrics(place, signal)) && (await isLlamp(http, signal));
    if (!isFree && !isOurs)
      return fail(`port ${port} is used by another program`, `端口 ${port} 被其他程序占用`);
    if (isLoopback(http.host)) return ok(`port ${port}`, `端口 ${port}`);
    return ok(
      `port ${port} on ${http.host}, without a key`,
      `${http.host} 的端口 ${port}，无需密钥`,
    );
  },
};
