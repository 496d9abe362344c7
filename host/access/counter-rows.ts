// The RequestID counters of Users and targets as they are listed, and the order to lower one.

import { CommandError, exitCode } from '../state/errors.ts'
import { type CounterPair, type CounterStore, orderLowering } from './request-counters.ts'
import { barredMax } from './used-counters.ts'

export interface CounterPairRow {
  /** EUI-64s. */
  user: string
  target: string
  /** Decimal. */
  highest: string
  lowest: string
  /** How many are kept one by one, and how many stay refused above a lowered mark. */
  kept: number
  stillRefused: number
  /** An order that is not executed yet: the mark, and when it was asked for. */
  lowerTo?: string
  asked?: string
}

export function counterPairRow({ user, target, counters, order }: CounterPair): CounterPairRow {
  return {
    user,
    target,
    highest: `${counters.highest()}`,
    lowest: `${counters.lowest()}`,
    kept: counters.keptCount(),
    stillRefused: counters.barredCount(),
    ...(order && { lowerTo: order.mark, asked: order.asked }),
  }
}

/** A lowering that was ordered: the bridge does it before it refuses a lower counter of the pair. */
export interface OrderedLowering {
  user: string
  target: string
  highest: bigint
  /** RequestIDs above the mark that stay refused. */
  barred: number
  /** Counters from the mark to this one are no longer known one by one. */
  unknownTo?: bigint | undefined
}

/**
 * Orders that the highest counter of a pair is lowered to `mark`. `pairs` must be exactly one.
 * @throws CommandError when it is not one pair, or cannot be lowered
 */
export async function lowerCounter(
  store: CounterStore,
  pairs: readonly CounterPair[],
  mark: bigint,
  now: Date,
): Promise<OrderedLowering> {
  const [pair, ...more] = pairs
  if (pair === undefined || more.length > 0) {
    const which = pair === undefined ? 'no pair is' : `${pairs.length} pairs are`
    throw new CommandError(
      exitCode.usage,
      `${which} meant: name one with its User and device (smets1 counters lists them)`,
    )
  }
  const { user, target, counters } = pair
  const highest = counters.highest()
  if (highest <= mark) {
    throw new CommandError(
      exitCode.failed,
      `nothing to lower: the highest counter of ${user} to ${target} is ${highest}`,
    )
  }
  // On this copy only: it says what the bridge will do.
  const preview = counters.lower(mark)
  if (preview === undefined) {
    throw new CommandError(
      exitCode.failed,
      `not lowered: more than ${barredMax} used RequestIDs above ${mark} would have to be kept`,
    )
  }
  await orderLowering(store, pair, { mark: `${mark}`, asked: now.toISOString() })
  return { user, target, highest, ...preview }
}
