// Size limits of the delivery to the Node-RED nodes of DCC Boxed (a User's mode `boxed`). It is not standard: the nodes do
// not accept a SMETS1ResponseMessage, so the S1SP's document is sent in base64 where they expect a GBCS payload, and they
// refuse a body of more than 100 kB.
//
// A request has one final response, so a response that is too large cannot be split. A request whose response cannot fit
// is refused before the meter is woken. A response that proves too large becomes a final response with the same code
// (assumption).

import { halfHourOf } from '../../protocol/half-hour.ts'
import type { Entries } from '../catalogue/read-window.ts'
import type { SrvRow } from '../catalogue/srv-table.ts'
import { exportProfilePayload, importProfilePayload, reactiveImportProfilePayload } from '../duis/payload.ts'
import type { User } from './parties.ts'

/** Largest response to a boxed User, bytes. Express, which receives it, accepts 102,400; 100,000 satisfies both meanings of 100 kB. */
export const boxedBytesMax = 100_000

const smallest = { stampMs: 0, wh: 0, varh: 0 }
const exported = { stampMs: 0, wh: 0 }
/** Minimum size of a half-hour in the document: one value, of one digit. */
const halfHourBytes: { readonly [variant: string]: number } = {
  '4.8.1': importProfilePayload([smallest, smallest]).length - importProfilePayload([smallest]).length,
  '4.8.2': reactiveImportProfilePayload([smallest, smallest]).length - reactiveImportProfilePayload([smallest]).length,
  '4.8.3': exportProfilePayload([exported, exported]).length - exportProfilePayload([exported]).length,
}

/** The most half-hours that can fit into a response (base64 has four bytes for three); undefined when it has none. */
export function boxedHalfHoursMax(variant: string): number | undefined {
  const bytes = halfHourBytes[variant]
  return bytes === undefined ? undefined : Math.floor((boxedBytesMax * 3) / 4 / bytes)
}

/** The reason why the response for these entries cannot fit, or undefined. Half-hours that end after `nowMs` are not read. */
export function tooLongForBoxed(
  row: SrvRow,
  user: Pick<User, 'mode'>,
  entries: Entries | undefined,
  nowMs: number,
): string | undefined {
  const most = boxedHalfHoursMax(row.variant)
  if (user.mode !== 'boxed' || entries === undefined || most === undefined) return undefined
  const count = Math.min(entries.count, halfHourOf(nowMs) - entries.first)
  if (count <= most) return undefined
  return `${count} half-hours of ${row.variant} make more than 100 kB in boxed delivery: ask for ${most} at most`
}

/** The reason why a response is too large for a boxed User, or undefined. */
export function tooLargeForBoxed(xml: string): string | undefined {
  const bytes = Buffer.byteLength(xml)
  return bytes <= boxedBytesMax ? undefined : `a response of ${bytes} bytes; boxed delivery takes ${boxedBytesMax}`
}
