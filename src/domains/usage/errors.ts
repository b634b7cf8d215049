import { AppError, type ErrorDefinition } from '../../lib/app-error.ts';

export const USAGE_ERRORS = {
  usage_record_not_found: {
    status: 400,
    description:
      'The cursor `after` names no usage record of this project. Start again without a cursor.',
  },
} as const satisfies Record<string, ErrorDefinition>;

export function usageRecordNotFound(id: string): AppError {
  return new AppError({
    code: 'usage_record_not_found',
    status: USAGE_ERRORS.usage_record_not_found.status,
    message: `No usage record with id '${id}' in this project.`,
    param: 'after',
  });
}
