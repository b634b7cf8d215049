import * as fs from 'node:fs';
import { join, resolve } from 'node:path';
import { DatabaseSync } from 'node:sqlite';

/** Keep it for as long as the folder is in use: a lock that is garbage collected is released. */
export interface DataFolderLock {
  release(): Promise<void>;
}

/** Another process works in the folder. */
export class DataFolderInUseError extends Error {
  /** Of the process that holds the lock, where it is known. */
  readonly pid: number | undefined;
  constructor(directory: string, pid: number | undefined) {
    const holder = pid === undefined ? 'another process' : `process ${pid}`;
    super(
      `the data folder ${directory} is in use by ${holder}; stop it or set LLAMP_DATA_DIR to another folder`,
    );
    this.name = 'DataFolderInUseError';
    this.pid = pid;
  }
}

/** The folder cannot be used; the message says why and what to do. */
export class DataFolderError extends Error {
  constructor(message: string, cause: unknown) {
    super(message, { cause });
    this.name = 'DataFolderError';
  }
}

const LOCK_FILE = '.lock';
const PID_FILE = '.lock-holder';

const SQLITE_BUSY = 5;
const SQLITE_READONLY = 8;
const SQLITE_FULL = 13;
const SQLITE_CANTOPEN = 14;

/**
 * Takes the data folder for this process, creating it when it does not exist. The lock is one of the operating
 * system, taken through SQLite: it is gone the moment its process dies, and it also holds between containers that
 * share a local volume. No process may open and close `.lock` otherwise (a copy of the folder, say, made by the
 * holder itself): POSIX would drop the lock.
 */
export async function lockDataFolder(directory: string): Promise<DataFolderLock> {
  const path = resolve(directory);
  let database: DatabaseSync | undefined;
  try {
    fs.mkdirSync(path, { recursive: true });
    database = new DatabaseSync(join(path, LOCK_FILE), { timeout: 0 });
    database.exec('pragma locking_mode = exclusive; pragma journal_mode = memory; begin exclusive');
    writeHolder(path);
    return heldLock(database, path);
  } catch (error) {
    database?.close();
    throw lockErrorOf(error, path);
  }
}

function heldLock(database: DatabaseSync, directory: string): DataFolderLock {
  let isHeld = true;
  return {
    release: async () => {
      if (!isHeld) return;
      isHeld = false;
      fs.rmSync(join(directory, PID_FILE), { force: true });
      database.close();
    },
  };
}

// Beside the lock, since nobody can read from the locked file. Only ever believed when the lock is held.
function writeHolder(directory: string): void {
  fs.writeFileSync(join(directory, PID_FILE), `${process.pid}\n`);
}

function readHolder(directory: string): number | undefined {
  try {
    const pid = Number.parseInt(fs.readFileSync(join(directory, PID_FILE), 'utf8'), 10);
    return Number.isInteger(pid) ? pid : undefined;
  } catch {
    // The holder has not written it yet or belongs to another user.
    return undefined;
  }
}

function lockErrorOf(error: unknown, directory: string): Error {
  const { code, errcode } = error as { code?: string; errcode?: number };
  if (errcode === SQLITE_BUSY) return new DataFolderInUseError(directory, readHolder(directory));
  if (code === 'ENOSPC' || code === 'EDQUOT' || errcode === SQLITE_FULL)
    return new DataFolderError(
      `the disk of the data folder ${directory} is full: free some space and start again`,
      error,
    );
  if (code === 'ENOTDIR' || code === 'EEXIST')
    return new DataFolderError(
      `the data folder ${directory} is not a folder: remove the file or set LLAMP_DATA_DIR to another folder`,
      error,
    );
  const cannotWrite = ['EACCES', 'EPERM', 'EROFS'].includes(code ?? '');
  if (cannotWrite || errcode === SQLITE_READONLY || errcode === SQLITE_CANTOPEN)
    return new DataFolderError(
      `the data folder ${directory} cannot be written: make it writable for this user or set LLAMP_DATA_DIR to another folder`,
      error,
    );
  const reason = error instanceof Error ? error.message : String(error);
  return new DataFolderError(`the data folder ${directory} cannot be locked: ${reason}`, error);
}
