export { AllowListError, parseAllowList } from './allow-list.ts';
export {
  type ConnectOptions,
  OUTBOUND_REFUSED,
  OutboundGuard,
  OutboundRefusedError,
  type ResolveHost,
} from './outbound-guard.ts';
