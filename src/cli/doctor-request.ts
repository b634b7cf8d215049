import type { Language } from '../domains/ops/doctor/index.ts';

/** What an operator typed. */
export interface DoctorFlags {
  readonly json?: true;
  readonly lang?: Language;
  readonly only?: readonly string[];
  readonly providers?: true;
  readonly write?: true;
  readonly instances: number;
  readonly certificate?: string;
  readonly certificateKey?: string;
  readonly keyFile?: string;
  readonly repair?: true;
  readonly yes?: true;
}

export type DoctorRequest = DoctorFlags & { readonly language: Language };
