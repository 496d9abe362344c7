// What a meter's flash holds of its past, read before the meter starts.

import type { Flash } from '../../firmware/board.ts'
import { flashMapOf } from '../../firmware/flash-map.ts'
import { isBlankWord, readWord } from '../../firmware/flash-pages.ts'
import { openLogs } from '../../firmware/logs.ts'
import { halfHourOf } from '../../protocol/half-hour.ts'
import { copyOnWrite } from '../emulator/flash-copy.ts'

export interface MeterPast {
  /** The newest half-hour in the log, -1 for none. */
  lastHalfHour: number
  /** The last moment at which the meter is known to have run, by its board's clock (ms of UTC); 0 for a new meter. */
  aliveMs: number
  /** Wh (varh) of each channel that are kept of the half-hour in which that is; not known where the clocks differ. */
  countedWh: ArrayLike<number> | undefined
}

/** Reads a copy: opening the logs counts a start, which must not be recorded in the flash itself yet. */
export function lookBack(flash: Flash): MeterPast {
  const { journal } = flashMapOf(flash.pages)
  if ([journal, journal + 1].every((page) => isBlankWord(readWord(flash, page * flash.pageBytes)))) {
    return { lastHalfHour: -1, aliveMs: 0, countedWh: new Float64Array(4) }
  }
  return lookBackInto(copyOnWrite(flash))
}

function lookBackInto(copy: Flash): MeterPast {
  const { journal, events } = openLogs(copy)
  const aliveMs = Math.max(journal.aliveMs, events.lastSeconds * 1000)
  const ofHalfHour = journal.runningHalfHour === halfHourOf(aliveMs) ? journal.running.slice() : new Float64Array(4)
  return {
    lastHalfHour: journal.newest,
    aliveMs: aliveMs === 0 ? 0 : aliveMs - journal.clockAheadMs,
    countedWh: journal.clockAheadMs === 0 ? ofHalfHour : undefined,
  }
}
