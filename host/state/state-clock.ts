// The clock of a state directory: this machine's, or a virtual one (`smets1 up --virtual-time`), whose time is kept in a file.
// Keys, schedules and readings of one clock make no sense by the other, so a directory belongs to its clock.

import { existsSync } from 'node:fs'
import { ConfigurationError } from './errors.ts'
import { readJson, type StatePaths, writeFileWhole } from './state-directory.ts'

export interface VirtualTime {
  /** What the clock showed, ms of UTC. */
  nowMs: number
  /** Whether it was moving: it may have come further. */
  isMoving: boolean
}

/** The time that a virtual clock last showed; undefined for a directory of this machine's clock. @throws ConfigurationError */
export function virtualTimeOf({ clock }: Pick<StatePaths, 'clock'>): VirtualTime | undefined {
  if (!existsSync(clock)) return undefined
  const { now, moving } = readJson(clock) as { now?: unknown; moving?: unknown }
  const nowMs = typeof now === 'string' ? Date.parse(now) : Number.NaN
  if (Number.isFinite(nowMs)) return { nowMs, isMoving: moving === true }
  throw new ConfigurationError(`${clock} has no time: write {"clock":"virtual","now":"2026-07-02T23:50:00Z"} there`)
}

/** Keeps the time of a virtual clock. A directory that has one belongs to virtual time. */
export function keepVirtualTime({ clock }: Pick<StatePaths, 'clock'>, { nowMs, isMoving }: VirtualTime): void {
  const kept = { clock: 'virtual', now: new Date(nowMs).toISOString(), moving: isMoving }
  writeFileWhole(clock, `${JSON.stringify(kept)}\n`)
}

/** Refuses a directory that belongs to the other clock. @throws ConfigurationError */
export function requireClock(paths: StatePaths, kind: 'real' | 'virtual'): void {
  const own = virtualTimeOf(paths) === undefined ? 'real' : 'virtual'
  if (own === kind) return
  throw new ConfigurationError(
    own === 'virtual'
      ? `${paths.root} belongs to a bench on virtual time: start it with smets1 up --virtual-time, or name another directory with --state`
      : `${paths.root} belongs to real time: virtual time needs a directory of its own, name another with --state`,
  )
}
