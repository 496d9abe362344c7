// Delivery to the Node-RED nodes of DCC Boxed (a User's mode `boxed`), which is not standard: they take no
// SMETS1ResponseMessage, so the S1SP's document goes, in base64, where they expect a GBCS payload, and they refuse a body
// of more than 100 kB.
//
// A request has one final answer, so a response that is too large cannot be sent in parts. What cannot fit is refused
// before the meter is woken; what turns out not to fit is refused in the final answer, with the same code (assumption).

import { halfHoursInWindow } from '../../protocol/half-hour.ts'
import type { SrvRow } from '../catalogue/srv-table.ts'
import { exportProfilePayload, importProfilePayload, reactiveImportProfilePayload } from '../duis/payload.ts'
import type { Period } from '../duis/request.ts'
import type { User } from './parties.ts'

/** Largest response to a boxed User, bytes. Express, which receives it, takes 102,400; so neither 100 kB is passed. */
export const boxedBytesMax = 100_000

const smallest = { stampMs: 0, wh: 0, varh: 0 }
const exported = { stampMs: 0, wh: 0 }
/** Bytes of a half-hour in the document, at the least: one value, of one digit. */
const halfHourBytes: { readonly [variant: string]: number } = {
  '4.8.1': importProfilePayload([smallest, smallest]).length - importProfilePayload([smallest]).length,
  '4.8.2': reactiveImportProfilePayload([smallest, smallest]).length - reactiveImportProfilePayload([smallest]).length,
  '4.8.3': exportProfilePayload([exported, exported]).length - exportProfilePayload([exported]).length,
}

/** Half-hours of which no more can fit into a response, base64 taking four bytes for three; undefined: no log of them. */
export function boxedHalfHoursMax(variant: string): number | undefined {
  const bytes = halfHourBytes[variant]
  return bytes === undefined ? undefined : Math.floor((boxedBytesMax * 3) / 4 / bytes)
}

/** Why a window cannot be answered to this User, or nothing. Half-hours that are not over at `nowMs` are not read. */
export function tooLongForBoxed(
  row: SrvRow,
  user: Pick<User, 'mode'>,
  period: Period | undefined,
  nowMs: number,
): string | undefined {
  const most = boxedHalfHoursMax(row.variant)
  if (user.mode !== 'boxed' || period === undefined || most === undefined) return undefined
  const { count } = halfHoursInWindow(period.startMs, Math.min(period.endMs, nowMs))
  if (count <= most) return undefined
  return `${count} half-hours of ${row.variant} make more than 100 kB in boxed delivery: ask for ${most} at most`
}

/** Why a response cannot be sent to a boxed User, or nothing. */
export function tooLargeForBoxed(xml: string): string | undefined {
  const bytes = Buffer.byteLength(xml)
  return bytes <= boxedBytesMax ? undefined : `a response of ${bytes} bytes; boxed delivery takes ${boxedBytesMax}`
}
