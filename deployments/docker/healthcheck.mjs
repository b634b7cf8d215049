// For HEALTHCHECK in the image, which has no curl: exit code 0 when the path answers 2xx.
const TIMEOUT_MS = 2_500;
const path = process.argv[2] ?? '/health/live';
const url = `http://127.0.0.1:${process.env.LLAMP_PORT ?? 8000}${path}`;

try {
  const response = await fetch(url, { signal: AbortSignal.timeout(TIMEOUT_MS) });
  process.stdout.write(`${response.status} ${await response.text()}\n`);
  process.exitCode = response.ok ? 0 : 1;
} catch (error) {
  process.stdout.write(`${url}: ${error.cause?.message ?? error.message}\n`);
  process.exitCode = 1;
}
