export { listUnreadableSecrets, verifyStoredSecretKey } from './inspect-secrets.ts';
export {
  countSecrets,
  type Rotation,
  type RotationProgress,
  rotateSecrets,
  type SealedCount,
} from './rotate-secrets.ts';
export { verifySecretKey, WrongSecretKeyError } from './secret-canary.ts';
