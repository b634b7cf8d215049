import type { Provider } from '../../provider.ts';
import type { ExchangeServices } from '../ai-sdk/sdk-exchange.ts';
import { SdkProvider } from '../ai-sdk/sdk-provider.ts';
import { bedrockVendor } from './bedrock-vendor.ts';

/** Amazon Bedrock: the Converse API for chat, InvokeModel for embeddings. */
export function bedrockProvider(services: ExchangeServices): Provider {
  return new SdkProvider(bedrockVendor, services);
}
