import { runCli } from './cli/program.ts';
import { processEnvironment } from './config/environment.ts';

// Explicitly: whatever a failed start left open must not keep the process from ending.
process.exit(await runCli(process.argv.slice(2), processEnvironment()));
