import { runStaticChecks } from '../test/support/runner/static-checks.ts';
import { testEnvironment } from '../test/support/runner/test-environment.ts';

// `npm run check`: what needs no test run, exactly as `npm test` does it.
const results = await runStaticChecks(testEnvironment(process.env, {}));
for (const { name, passed, output, durationMs } of results) {
  const seconds = (durationMs / 1000).toFixed(1);
  process.stdout.write(
    `${passed ? '' : output}${name}: ${passed ? 'passed' : 'FAILED'} (${seconds} s)\n`,
  );
}
process.exitCode = results.every(({ passed }) => passed) ? 0 : 1;
