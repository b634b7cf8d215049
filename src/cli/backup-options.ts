export interface TargetOptions {
  readonly target?: string;
  readonly json?: true;
}

export interface CreateCommandOptions extends TargetOptions {
  readonly recipient?: string;
}

export interface OpenerOptions extends TargetOptions {
  /** A file of `llamp backup keygen` or `age-keygen`. */
  readonly identity?: string;
}

export interface VerifyCommandOptions extends OpenerOptions {
  readonly level: 0 | 1 | 2 | 3;
}

export interface RestoreCommandOptions extends OpenerOptions {
  readonly signer?: string;
  readonly writeSecretKey?: string;
}

export interface PruneCommandOptions extends TargetOptions {
  readonly keep?: { daily: number; weekly: number; monthly: number };
}
