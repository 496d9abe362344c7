// Target Response Times: those of table 3 (srv-table.ts), and what the settings put in their place.

import { type SrvRow, srvRow } from './srv-table.ts'

export type TargetKind = keyof SrvRow['trtMs']

/** By Service Request Variant and kind, milliseconds. */
export type TargetTimes = { readonly [variant: string]: SrvRow['trtMs'] }

const kinds: readonly TargetKind[] = ['onDemand', 'scheduled', 'settlement']
/** Longest target, seconds: two days. */
const secondsMax = 172_800

/** The target of a request; undefined where the request cannot be made that way. */
export function targetMs(row: SrvRow, kind: TargetKind, targets: TargetTimes): number | undefined {
  return targets[row.variant]?.[kind] ?? row.trtMs[kind]
}

/** Reads the setting, `{ "8.2": { "onDemand": 30 } }`, in seconds. `detail` says what is wrong. */
export function readTargetTimes(value: unknown): { ok: true; targets: TargetTimes } | { ok: false; detail: string } {
  if (value === undefined) return { ok: true, targets: {} }
  if (!isObject(value)) return bad('expected an object of Service Request Variants')
  const targets: { [variant: string]: SrvRow['trtMs'] } = {}
  for (const [variant, times] of Object.entries(value)) {
    const row = srvRow(variant)
    if (row === undefined) return bad(`there is no Service Request Variant "${variant}" here`)
    if (!isObject(times)) return bad(`${variant}: expected an object of ${kinds.join(', ')}`)
    const own: SrvRow['trtMs'] = {}
    for (const [name, seconds] of Object.entries(times)) {
      const kind = kinds.find((one) => one === name)
      if (kind === undefined || row.trtMs[kind] === undefined) {
        const there = kinds.filter((one) => row.trtMs[one] !== undefined)
        return bad(
          `${variant}: there is no "${name}"; there ${there.length === 0 ? 'is none' : `are ${there.join(', ')}`}`,
        )
      }
      if (typeof seconds !== 'number' || !Number.isInteger(seconds) || seconds < 1 || seconds > secondsMax)
        return bad(`${variant}: ${name} is a whole number of seconds from 1 to ${secondsMax}`)
      own[kind] = seconds * 1000
    }
    targets[variant] = own
  }
  return { ok: true, targets }
}

function isObject(value: unknown): value is { [name: string]: unknown } {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function bad(detail: string): { ok: false; detail: string } {
  return { ok: false, detail }
}
