import type { Check } from './check.ts';
import { modelsFile } from './checks/configuration/models-file.ts';
import { publicUrl } from './checks/configuration/public-url.ts';
import { secretFiles } from './checks/configuration/secret-files.ts';
import { secretKeySet } from './checks/configuration/secret-key.ts';
import { unknownVariables } from './checks/configuration/unknown-variables.ts';
import { validConfiguration } from './checks/configuration/valid.ts';
import { weakSecrets } from './checks/configuration/weak-secrets.ts';
import { usageJournal } from './checks/data-folder/journal.ts';
import { keyFile } from './checks/data-folder/key-file.ts';
import { leftovers } from './checks/data-folder/leftovers.ts';
import { folderLock } from './checks/data-folder/lock.ts';
import { folderPermissions } from './checks/data-folder/permissions.ts';
import { usableFolder } from './checks/data-folder/usable.ts';
import { databaseClock } from './checks/database/clock.ts';
import { databaseConnections } from './checks/database/connections.ts';
import { databaseDurability } from './checks/database/durability.ts';
import { databaseEncoding } from './checks/database/encoding.ts';
import { databaseIndexes } from './checks/database/indexes.ts';
import { longTransactions } from './checks/database/long-transactions.ts';
import { databaseReachable } from './checks/database/reachable.ts';
import { databaseRights } from './checks/database/rights.ts';
import { databaseSchema } from './checks/database/schema.ts';
import { databaseSize } from './checks/database/size.ts';
import { transactionIds } from './checks/database/transaction-ids.ts';
import { databaseVersion } from './checks/database/version.ts';
import { databaseWritable } from './checks/database/writable.ts';
import { certificateChain } from './checks/front/certificate-chain.ts';
import { certificateExpiry } from './checks/front/certificate-expiry.ts';
import { certificateKey } from './checks/front/certificate-key.ts';
import { certificatePermissions } from './checks/front/certificate-permissions.ts';
import { publicAddress } from './checks/front/public-address.ts';
import { diskInodes } from './checks/host/disk-inodes.ts';
import { diskSpace } from './checks/host/disk-space.ts';
import { listenPort } from './checks/host/listen-port.ts';
import { locale } from './checks/host/locale.ts';
import { memory } from './checks/host/memory.ts';
import { metricsPort } from './checks/host/metrics-port.ts';
import { nodeVersion } from './checks/host/node-version.ts';
import { openFiles } from './checks/host/open-files.ts';
import { proxies } from './checks/host/proxies.ts';
import { storeNames } from './checks/host/store-names.ts';
import { temporaryFolder } from './checks/host/temporary-folder.ts';
import { timeZone } from './checks/host/time-zone.ts';
import { missingBlobs } from './checks/knowledge/missing-blobs.ts';
import { stuckFiles } from './checks/knowledge/stuck-files.ts';
import { unknownBlobs } from './checks/knowledge/unknown-blobs.ts';
import { driftedVectors } from './checks/knowledge/vectors.ts';
import { unpricedModels } from './checks/models/unpriced.ts';
import { unservedModels } from './checks/models/unserved.ts';
import { upstreamAnswers } from './checks/models/upstream.ts';
import { objectsBucket } from './checks/objects/bucket.ts';
import { objectsClock } from './checks/objects/clock.ts';
import { objectsPublic } from './checks/objects/public.ts';
import { objectsReachable } from './checks/objects/reachable.ts';
import { objectsRegion } from './checks/objects/region.ts';
import { objectsWrite } from './checks/objects/write.ts';
import { auditSeals } from './checks/operations/audit-seals.ts';
import { backupAge } from './checks/operations/backup-age.ts';
import { deadJobs } from './checks/operations/dead-jobs.ts';
import { stuckJobs } from './checks/operations/stuck-jobs.ts';
import { redisClock } from './checks/redis/clock.ts';
import { redisEviction } from './checks/redis/eviction.ts';
import { redisMemory } from './checks/redis/memory.ts';
import { redisProtection } from './checks/redis/protection.ts';
import { redisReachable } from './checks/redis/reachable.ts';
import { redisVersion } from './checks/redis/version.ts';
import { redisWritable } from './checks/redis/writable.ts';
import { secretKeyFits } from './checks/secrets/key-fits.ts';
import { sealedRows } from './checks/secrets/sealed-rows.ts';
import { vectorsDimensions } from './checks/vectors/dimensions.ts';
import { vectorsReachable } from './checks/vectors/reachable.ts';
import { vectorsVersion } from './checks/vectors/version.ts';

const CONFIGURATION = [
  validConfiguration,
  unknownVariables,
  modelsFile,
  weakSecrets,
  secretFiles,
  secretKeySet,
  publicUrl,
];
/** They look at the machine alone, so that they say something whatever the configuration is. */
const MACHINE = [nodeVersion, memory, openFiles, timeZone, locale, temporaryFolder, proxies];
const PLACE = [diskSpace, diskInodes, listenPort, metricsPort, storeNames];
const DATA_FOLDER = [usableFolder, folderPermissions, folderLock, keyFile, usageJournal, leftovers];
const DATABASE = [
  databaseReachable,
  databaseVersion,
  databaseSchema,
  databaseEncoding,
  databaseWritable,
  databaseRights,
  databaseConnections,
  databaseDurability,
  longTransactions,
  databaseIndexes,
  transactionIds,
  databaseClock,
  databaseSize,
  secretKeyFits,
  sealedRows,
];
const REDIS = [
  redisReachable,
  redisVersion,
  redisWritable,
  redisEviction,
  redisMemory,
  redisProtection,
  redisClock,
];
const OBJECTS = [
  objectsReachable,
  objectsBucket,
  objectsPublic,
  objectsClock,
  objectsRegion,
  objectsWrite,
];
const VECTORS = [vectorsReachable, vectorsVersion, vectorsDimensions];
const CONTENT = [
  missingBlobs,
  unknownBlobs,
  driftedVectors,
  stuckFiles,
  stuckJobs,
  deadJobs,
  auditSeals,
  backupAge,
  unservedModels,
  unpricedModels,
];
const FRONT = [
  upstreamAnswers,
  publicAddress,
  certificateExpiry,
  certificateKey,
  certificateChain,
  certificatePermissions,
];

/** Every check, in the order of the report. */
export const CHECKS: readonly Check[] = [
  ...CONFIGURATION,
  ...MACHINE,
  ...PLACE,
  ...DATA_FOLDER,
  ...DATABASE,
  ...REDIS,
  ...OBJECTS,
  ...VECTORS,
  ...CONTENT,
  ...FRONT,
];

/** What can be said while the configuration is wrong. */
export const CHECKS_WITHOUT_CONFIGURATION: readonly Check[] = [
  validConfiguration,
  unknownVariables,
  ...MACHINE,
];

/** What a running server can say of the data that it alone has open. */
export const CHECKS_OF_DATA: readonly Check[] = CHECKS.filter(({ place }) => place === 'data');
/** And what is left for a command beside it. */
export const CHECKS_OF_HOST: readonly Check[] = CHECKS.filter(({ place }) => place === 'host');
