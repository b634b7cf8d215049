import { readFile } from 'node:fs/promises';
import { request as send } from 'undici';
import { systemClock } from '../runtime.ts';
import type { Config } from '../config/config.ts';
import { loadConfig } from '../config/load.ts';
import { ConfigError, type Environment, type Mistake } from '../config/mistakes.ts';
import { doctorContext } from '../doctor-context.ts';
import {
  type Check,
  type CheckObject,
  CHECKS,
  CHECKS_OF_DATA,
  CHECKS_OF_HOST,
  CHECKS_WITHOUT_CONFIGURATION,
  checkObject,
  runChecks,
  urlOf,
} from '../domains/ops/doctor/index.ts';
import { silentLog } from '../lib/log.ts';
import { openProbes, takeFolder } from '../open-probes.ts';
import { CommandError, EXIT_WRONG_USAGE } from './exit-codes.ts';
import type { DoctorRequest } from './doctor-request.ts';

const SERVER_TIMEOUT_MS = 60_000;

/** Runs the checks here and, where a server has the data for itself, there. */
export async function examine(env: Environment, request: DoctorRequest): Promise<CheckObject[]> {
  const { config, mistakes } = configurationOf(env);
  const { folder, release } = await takeFolder(config);
  const { probes, close } = openProbes(config, silentLog);
  try {
    const options = optionsOf(request);
    const given = { env, clock: systemClock, probes, folder, mistakes, options };
    const isElsewhere = config.database === undefined && folder.state === 'served';
    const checks =
      mistakes.length > 0 ? CHECKS_WITHOUT_CONFIGURATION : isElsewhere ? CHECKS_OF_HOST : CHECKS;
    const here = await runChecks(chosen(checks, request), doctorContext(config, given));
    const found = here.map((report) => checkObject(report, request.language));
    if (!isElsewhere || mistakes.length > 0) return found;
    return [...found, ...(await askServer(config, request))];
  } finally {
    await close();
    await release();
  }
}

/** What holds while the configuration is wrong are the defaults; nothing that depends on them is looked at then. */
function configurationOf(env: Environment): { config: Config; mistakes: readonly Mistake[] } {
  try {
    return { config: loadConfig(env), mistakes: [] };
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    return { config: loadConfig({}), mistakes: error.mistakes };
  }
}

function optionsOf({ providers, write, instances, certificate, certificateKey }: DoctorRequest) {
  return {
    providers: providers === true,
    write: write === true,
    instances,
    certificate:
      certificate === undefined ? undefined : { path: certificate, keyPath: certificateKey },
  };
}

/** With what the chosen ones need, so that a trouble is not blamed on those behind it. */
function chosen(checks: readonly Check[], { only }: DoctorRequest): readonly Check[] {
  if (only === undefined) return checks;
  const isNamed = ({ id }: Pick<Check, 'id'>) => isAmong(id, only);
  if (!CHECKS.some(isNamed))
    throw new CommandError(`there is no check ${only.join(', ')}`, EXIT_WRONG_USAGE);
  const wanted = new Set<string>();
  const add = (id: string) => {
    const check = checks.find((each) => each.id === id);
    if (check === undefined || wanted.has(id)) return;
    wanted.add(id);
    check.needs?.forEach(add);
  };
  for (const check of checks) if (isNamed(check)) add(check.id);
  return checks.filter(({ id }) => wanted.has(id));
}

const isAmong = (id: string, names: readonly string[]) =>
  names.some((name) => id === name || id.startsWith(`${name}.`));

async function askServer(config: Config, request: DoctorRequest): Promise<CheckObject[]> {
  const answer = await reportOfServer(config, request).catch((error: unknown) =>
    error instanceof Error ? error.message : String(error),
  );
  const checks = typeof answer === 'string' ? notAsked(answer, request) : answer;
  const { only } = request;
  return only === undefined ? checks : checks.filter(({ id }) => isAmong(id, only));
}

/** The checks, or why the server could not be asked. */
async function reportOfServer(
  config: Config,
  { keyFile, language }: DoctorRequest,
): Promise<CheckObject[] | string> {
  const key =
    keyFile === undefined ? config.bootstrap.apiKey : (await readFile(keyFile, 'utf8')).trim();
  if (key === undefined)
    return 'a server has the data folder; give --key-file with a management key to ask it';
  const { statusCode, body } = await send(`${urlOf(config.http)}/api/v1/doctor?lang=${language}`, {
    headers: { authorization: `Bearer ${key}` },
    signal: AbortSignal.timeout(SERVER_TIMEOUT_MS),
    headersTimeout: SERVER_TIMEOUT_MS,
    bodyTimeout: SERVER_TIMEOUT_MS,
  });
  const text = await body.text();
  if (statusCode !== 200) return `the running server answers ${statusCode} to this key`;
  return (JSON.parse(text) as { checks: CheckObject[] }).checks;
}

function notAsked(reason: string, { language }: DoctorRequest): CheckObject[] {
  return CHECKS_OF_DATA.map(({ id, title }) => ({
    id,
    title: title[language],
    status: 'skip' as const,
    found: reason,
    hint: null,
    duration_ms: 0,
  }));
}
