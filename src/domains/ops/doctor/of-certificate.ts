import type { DoctorContext } from './context.ts';

/** What checks of the certificate in front have in common. */
export const ofCertificate = {
  place: 'host' as const,
  appliesTo: ({ options }: DoctorContext) => options.certificate !== undefined,
};

export const certificateOf = ({ options }: DoctorContext) =>
  options.certificate ?? { path: '', keyPath: undefined };
