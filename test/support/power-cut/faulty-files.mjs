// Preloaded with --import into a process under test: from the moment that the file named in LLAMP_FAULT_FILE exists,
// the disk of the database thread fails in the way that the file says.
import fs from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import { isMainThread } from 'node:worker_threads';

const faultFile = process.env.LLAMP_FAULT_FILE;

if (!isMainThread && faultFile !== undefined) {
  failing('fsyncSync', 'sync', 'EIO', 'EIO: i/o error, fsync');
  failing('writeSync', 'write', 'ENOSPC', 'ENOSPC: no space left on device, write');
  syncBuiltinESMExports();
}

function failing(name, fault, code, message) {
  const real = fs[name];
  fs[name] = (...parameters) => {
    if (currentFault() === fault) throw Object.assign(new Error(message), { code });
    return real(...parameters);
  };
}

function currentFault() {
  try {
    return fs.readFileSync(faultFile, 'utf8');
  } catch {
    return '';
  }
}
