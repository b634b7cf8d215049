import { runCli } from './cli/program.ts';
import { processEnvironment } from './config/environment.ts';

process.exitCode = await runCli(process.argv.slice(2), processEnvironment());
