import type { Provider } from '../../provider.ts';
import type { ExchangeServices } from '../ai-sdk/sdk-exchange.ts';
import { SdkProvider } from '../ai-sdk/sdk-provider.ts';
import { googleVendor } from './google-vendor.ts';

/** Google's Gemini API. */
export function googleProvider(services: ExchangeServices): Provider {
  return new SdkProvider(googleVendor, services);
}
