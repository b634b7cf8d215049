import { setImmediate } from 'node:timers/promises';
import type { Application } from '../application.ts';
import type { Config } from '../config/config.ts';
import { loadConfig } from '../config/load.ts';
import type { Environment } from '../config/mistakes.ts';
import { drainOnSignals } from '../http/drain.ts';
import type { Log } from '../lib/log.ts';
import { createLog } from '../lib/pino-log.ts';
import { createContext, openStores } from '../runtime.ts';
import { listenFailure, startFailure } from '../start-failure.ts';
import { CommandError } from './exit-codes.ts';
import type { Output } from './output.ts';
import { version } from './version.ts';

/** Runs the server until a signal stops it; rejects with one sentence when it cannot start. */
export async function runServer(env: Environment, output: Output): Promise<void> {
  const config = loadConfig(env);
  const log = createLog({
    level: config.logLevel,
    serviceName: 'llamp',
    serviceVersion: version(),
  });
  output.print(`Llamp ${version()} starts; its data folder is ${config.dataDirectory}`);
  const application = await open(config, log);
  const { firstStartLines, readyLines } = await import('./welcome.ts');
  const { firstStart } = application;
  const { url } = await listen(application, config).catch((error: unknown) => {
    // What the first start made is shown once, whatever happens next.
    for (const line of firstStartLines(addressOf(config), firstStart)) output.print(line);
    throw error;
  });
  for (const line of readyLines(url, config)) output.print(line);
  for (const line of firstStartLines(url, firstStart)) output.print(line);
  log.info({ 'url.full': url }, 'ready');
  if (config.configFile !== undefined) reloadOnHangup(application);
  if ((await untilStopped(application, log)) !== 0) {
    throw new CommandError('the server did not stop in order; the log says which phase failed');
  }
}

async function open(config: Config, log: Log): Promise<Application> {
  try {
    const context = createContext(config, log);
    const [stores, { openApplication }] = await Promise.all([
      openStores(context, 'server'),
      // One turn later: the thread of the database has started by then, and works while this one loads.
      setImmediate().then(() => import('../application.ts')),
    ]);
    return await openApplication(stores, context, version()).catch(async (error: unknown) => {
      await stores.close();
      throw error;
    });
  } catch (error) {
    throw startFailure(error, config.dataDirectory);
  }
}

async function listen(application: Application, config: Config): Promise<{ url: string }> {
  try {
    return await application.listen();
  } catch (error) {
    await application.drain.drain();
    throw startFailure(listenFailure(error, config.http), config.dataDirectory);
  }
}

function addressOf({ http }: Config): string {
  return http.publicUrl ?? `http://${http.host}:${http.port}`;
}

// Only with a file to read again: otherwise a hangup ends the server, as a closed terminal should.
function reloadOnHangup(application: Application): void {
  process.on('SIGHUP', () => void application.reloadModels());
}

async function untilStopped({ drain }: Application, log: Log): Promise<number> {
  const { promise, resolve } = Promise.withResolvers<number>();
  const exit = (code: number) => {
    // The second signal must end the process even while a phase hangs.
    if (code !== 0) process.exit(code);
    resolve(code);
  };
  const stopListening = drainOnSignals({ signals: process, drain, log, exit });
  const code = await promise;
  stopListening();
  return code;
}
