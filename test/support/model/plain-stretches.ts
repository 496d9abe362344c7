// What the model keeps apart when the clock is set by days (DESIGN.md, "A clock that was wrong by days").

import type { RegisterSnapshot } from '../../../protocol/register-snapshot.ts'
import { copyOfDay, type Day, type StoredRequest, type Stretch } from './plain-meter.ts'

const daySeconds = 86400
const mostStretches = 8

function isRight({ frozen, offset }: Stretch, nowOffset: number): boolean {
  return frozen === undefined ? Math.abs(nowOffset - offset) < daySeconds : frozen === 'right'
}

function joined(first: Stretch, second: Stretch, frozen: 'right' | 'wrong'): Stretch {
  return {
    offset: first.offset,
    frozen,
    days: new Map([...first.days, ...second.days]),
    dailyReads: readsOf([first, second]),
  }
}

/** Daily reads in order; of one midnight the last one. */
function readsOf(stretches: readonly Stretch[]): RegisterSnapshot[] {
  const found = new Map(stretches.flatMap(({ dailyReads }) => dailyReads).map((one) => [one.number, one]))
  return [...found.values()].sort((a, b) => a.number - b.number)
}

/** The stretch that runs, as it ends. */
function ended(kept: StoredRequest): Stretch {
  const { days, dailyReads } = kept.base
  const over = ([number, day]: [number, Day]): [number, Day] => [
    number,
    number === kept.openDay ? { ...day, closed: [true, true, true, true] } : day,
  ]
  return {
    offset: kept.offset,
    frozen: undefined,
    days: new Map([...kept.days].filter(([number, day]) => days.get(number) !== day).map(over)),
    dailyReads: kept.dailyReads.filter((one) => !dailyReads.includes(one)),
  }
}

/** A stretch begins, its clock `stepSeconds` ahead of the one before, or by nobody knows how much. `halfHour` runs then. */
export function beginStretch(kept: StoredRequest, stepSeconds: number | undefined, halfHour: number): void {
  let stretches = [...kept.stretches, ended(kept)]
  if (stepSeconds === undefined) {
    stretches = stretches.map((one) => ({ ...one, frozen: isRight(one, kept.offset) ? 'right' : 'wrong' }))
    if (stretches.every(({ frozen }) => frozen === 'right')) {
      stretches = [stretches.reduce((all, one) => joined(all, one, 'right'))]
    }
  }
  kept.offset += stepSeconds ?? 0
  if (stretches.length >= mostStretches) {
    const [first, second, ...others] = stretches as [Stretch, Stretch, ...Stretch[]]
    const areRight = isRight(first, kept.offset) && isRight(second, kept.offset)
    stretches = [joined(first, second, areRight ? 'right' : 'wrong'), ...others]
  }
  kept.stretches = stretches
  const right = stretches.filter((one) => isRight(one, kept.offset))
  kept.days = new Map(right.flatMap(({ days }) => [...days]))
  kept.dailyReads = readsOf(right)
  kept.base = { days: new Map(kept.days), dailyReads: [...kept.dailyReads] }
  kept.running = undefined
  resume(kept, halfHour)
}

/** What the day in which the clock lands has up to there is that day's, which goes on. */
function resume(kept: StoredRequest, halfHour: number): void {
  const day = Math.floor(halfHour / 48)
  const last = Math.max(0, ...[...kept.days.keys()])
  kept.openDay = 0
  kept.newest = last * 48 + 47
  if (last !== day) return
  kept.newest = day * 48 - 1
  const over = kept.days.get(day)!
  const open = copyOfDay(undefined)
  for (let i = 0; i < halfHour % 48; i++) {
    if (over.wh[0]![i]! < 0) continue
    for (let channel = 0; channel < 4; channel++) open.wh[channel]![i] = over.wh[channel]![i]!
    open.marked[i] = over.marked[i]!
    kept.openDay = day
    kept.newest = day * 48 + i
  }
  if (kept.openDay > 0) kept.days.set(day, open)
  else kept.days.delete(day)
}
