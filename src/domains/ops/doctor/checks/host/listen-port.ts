import type { Check } from '../../check.ts';
import { isLlamp } from '../../is-llamp.ts';
import { codeOf, fail, ok } from '../../finding.ts';
import { text } from '../../text.ts';

const CODES: Readonly<Record<string, readonly [string, string]>> = {
  EACCES: ['may not be opened by this user', '当前用户无权打开'],
  EADDRNOTAVAIL: ['is on an address that this machine does not have', '所在地址不属于本机'],
  ENOTFOUND: ['is on a host name that is not known', '所在主机名无法解析'],
};

export const listenPort: Check = {
  id: 'host.port',
  title: text('Port of the API', 'API 端口'),
  symptom: text('"port … is in use", nothing answers', '提示 “port … is in use”，无法访问'),
  hint: text(
    'Stop the other program or set LLAMP_PORT; correct LLAMP_HOST when the address is wrong.',
    '停止占用端口的程序或修改 LLAMP_PORT；地址有误时改正 LLAMP_HOST。',
  ),
  place: 'host',
  run: async ({ host, configuration }, signal) => {
    const { http } = configuration.settings;
    const place = `${http.host}:${http.port}`;
    try {
      await host.tryToListen(http);
      return ok(`${place} is free`, `${place} 空闲`);
    } catch (error) {
      const code = codeOf(error);
      const [en, zh] = CODES[code] ?? ['is used by another program', '被其他程序占用'];
      const isOurs = code === 'EADDRINUSE' && (await isLlamp(http, signal));
      return isOurs
        ? ok(`${place} is served by Llamp`, `${place} 由 Llamp 提供服务`)
        : fail(`${place} ${en}`, `${place} ${zh}`);
    }
  },
};
