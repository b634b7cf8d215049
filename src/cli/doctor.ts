import { type Command, InvalidArgumentError } from 'commander';
import { LANGUAGES, type Language, languageOf } from '../domains/ops/doctor/index.ts';
import type { CommandContext } from './command-context.ts';
import type { DoctorFlags } from './doctor-request.ts';

export function addDoctorCommand(program: Command, context: CommandContext): void {
  const { env } = context;
  program
    .command('doctor')
    .description('look for what is wrong with this installation; changes nothing without --repair')
    .option('--json', 'print JSON')
    .option('--lang <language>', `language of the report: ${LANGUAGES.join(', ')}`, parseLanguage)
    .option('--only <id...>', 'only these checks, or groups such as `redis`')
    .option('--providers', 'also ask the upstream of the environment')
    .option('--write', 'also write, read and delete a probe in the object store')
    .option('--instances <number>', 'app instances that share the database', parseInstances, 1)
    .option('--certificate <file>', 'certificate of Nginx, to be checked')
    .option('--certificate-key <file>', 'its private key')
    .option('--key-file <file>', 'holds a management key for the server that runs on this folder')
    .option('--repair', 'put back what is derived from other data and does not agree with it')
    .option('--yes', 'do not ask before a repair')
    .action(async (flags: DoctorFlags) => {
      const language = flags.lang ?? languageOf(env['LC_ALL'] || env['LANG']);
      // Loaded here, so that the other commands do not wait for it.
      const { doctor } = await import('./run-doctor.ts');
      await doctor(context, { ...flags, language });
    });
}

function parseLanguage(text: string): Language {
  const language = LANGUAGES.find((each) => each === text);
  if (language !== undefined) return language;
  throw new InvalidArgumentError(`give one of ${LANGUAGES.join(', ')}`);
}

function parseInstances(text: string): number {
  const number = Number(text);
  if (Number.isInteger(number) && number >= 1 && number <= 1_000) return number;
  throw new InvalidArgumentError('give 1 to 1000');
}
