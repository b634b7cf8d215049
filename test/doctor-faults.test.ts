import { describe, expect, test } from 'vitest';
import { CERTIFICATE_FAULTS } from './support/doctor/certificate-faults.ts';
import { CONFIGURATION_FAULTS } from './support/doctor/configuration-faults.ts';
import { examined, named, told } from './support/doctor/fault.ts';
import { FOLDER_FAULTS, MACHINE_FAULTS } from './support/doctor/machine-faults.ts';
import { REDIS_FAULTS } from './support/doctor/redis-faults.ts';
import { makeCertificate } from './support/doctor/test-certificates.ts';

const FAULTS = [
  ...CONFIGURATION_FAULTS,
  ...MACHINE_FAULTS,
  ...FOLDER_FAULTS,
  ...CERTIFICATE_FAULTS,
  ...REDIS_FAULTS,
];

// Of the test itself: a hidden master key and nothing else.
const ENV = { LANG: 'C.UTF-8' };

describe('OP-9 seeded faults', () => {
  test('there are more than forty, beside those of real servers', () => {
    expect(FAULTS.length).toBeGreaterThan(40);
  });

  test.each(FAULTS)('OP-9 $name is named by $check, and nothing else fails', async (fault) => {
    const reports = await examined(ENV, fault);
    const found = reports.find(({ id }) => id === fault.check);
    expect(found, told(reports)).toMatchObject({ id: fault.check, status: fault.status });
    expect(found?.hint?.en, 'a hint').toBeTruthy();
    const others = named(reports, 'fail').filter((id) => id !== fault.check);
    expect(others, told(reports)).toEqual([]);
  });
});

test('OP-9 nothing is wrong with what is right', async () => {
  const reports = await examined(ENV, {
    seed: ({ folder }) => ({ options: { certificate: makeCertificate(folder, 'good') } }),
  });
  expect(told(reports.filter(({ status }) => status !== 'skip'))).toBe('');
});
