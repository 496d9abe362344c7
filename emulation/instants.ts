// Instants and durations as a caller of the library writes them.

import { CommandError, exitCode } from '../host/state/errors.ts'
import { halfHourMs } from '../protocol/half-hour.ts'

/** A date (`2026-11-22`, its 00:00 UTC), an instant (`2026-11-22T10:30Z`; UTC without a zone), a Date, or milliseconds of UTC since 1970. */
export type Instant = string | number | Date

/** `90s`, `15m`, `25h`, `2d`, `250ms`, or a number of milliseconds. */
export type Duration = string | number

const units: { [unit: string]: number } = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 }

/** Milliseconds of UTC since 1970. `name` is that of the value, for the message. @throws CommandError */
export function instantMs(value: Instant, name: string): number {
  const atMs =
    value instanceof Date
      ? value.getTime()
      : typeof value === 'number'
        ? value
        : /^\d{4}-\d{2}-\d{2}(T\d{2}:\d{2}(:\d{2}(\.\d{1,3})?)?(Z|[+-]\d{2}:\d{2})?)?$/.test(value)
          ? Date.parse(/T.*(Z|[+-]\d{2}:\d{2})$/.test(value) || !value.includes('T') ? value : `${value}Z`)
          : Number.NaN
  if (Number.isFinite(atMs)) return atMs
  throw new CommandError(
    exitCode.usage,
    `${name} is a date (2026-11-22, its 00:00 UTC), an instant (2026-11-22T10:30Z), a Date or milliseconds since 1970, not ${value}`,
  )
}

/** Milliseconds, 0 or more. @throws CommandError */
export function durationMs(value: Duration, name: string): number {
  const parts = typeof value === 'string' ? /^(\d{1,12}(?:\.\d{1,3})?)(ms|s|m|h|d)$/.exec(value) : undefined
  const ms = typeof value === 'number' ? value : Number(parts?.[1]) * (units[parts?.[2] ?? ''] ?? Number.NaN)
  if (Number.isFinite(ms) && ms >= 0) return ms
  throw new CommandError(
    exitCode.usage,
    `${name} is a duration such as 90s, 15m, 25h or 2d, or milliseconds, not ${value}`,
  )
}

/** The number of the half-hour that begins at an instant. @throws CommandError when none does */
export function halfHourAt(value: Instant, name: string): number {
  const atMs = instantMs(value, name)
  if (atMs % halfHourMs === 0) return atMs / halfHourMs
  throw new CommandError(exitCode.usage, `${name} is the start of a half-hour, not ${new Date(atMs).toISOString()}`)
}
