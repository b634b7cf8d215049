import { startScriptedProvider } from './server.ts';

// For tests that run the product as another process: prints its address as one line of JSON and runs until SIGTERM.
const provider = await startScriptedProvider({ port: Number(process.argv[2] ?? 0) });
const { baseUrl, port, apiKey } = provider;
process.stdout.write(`${JSON.stringify({ baseUrl, port, apiKey })}\n`);
process.once('SIGTERM', () => void provider.close());
process.once('SIGINT', () => void provider.close());
