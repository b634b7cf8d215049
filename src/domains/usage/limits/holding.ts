import type { CounterState } from '../../../ports/ephemeral-store.ts';

export interface ActualUsage {
  readonly tokens: number;
  readonly costMicros: number;
}

/** What one call took of one limit. */
export interface Holding {
  /** The limit's counter behind it. */
  readonly counter: CounterState;
  /** The call is over; without `actual` it failed and consumed nothing. */
  end(actual: ActualUsage | undefined): void;
  /** The call is not made after all. */
  undo(): void;
}
