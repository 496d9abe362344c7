// Totals of a recording.

import { tagBytes } from '../../protocol/limits.ts'
import { noPacket } from './packet-table.ts'
import { recordBytes } from './records.ts'
import type { TracedFrame } from './sessions.ts'

export interface Totals {
  frames: number
  /** Good frames by the kind of their packet. */
  kinds: { [kind: string]: number }
  /** Frames that a receiver drops, by their fault. */
  dropped: { [fault: string]: number }
  bytesToMeter: number
  bytesFromMeter: number
  bytesOfNoDirection: number
  /** Bytes of messages, opened or not: the sealed bytes without the tag. */
  messageBytes: number
  /** Bytes of day blocks, snapshots and events in opened messages. */
  recordBytes: number
  opened: number
  notOpened: number
  fromMs: number
  toMs: number
}

export function noTotals(): Totals {
  return {
    frames: 0,
    kinds: {},
    dropped: {},
    bytesToMeter: 0,
    bytesFromMeter: 0,
    bytesOfNoDirection: 0,
    messageBytes: 0,
    recordBytes: 0,
    opened: 0,
    notOpened: 0,
    fromMs: Number.POSITIVE_INFINITY,
    toMs: Number.NEGATIVE_INFINITY,
  }
}

function count(counts: { [name: string]: number }, name: string): void {
  counts[name] = (counts[name] ?? 0) + 1
}

export function addFrame(totals: Totals, frame: TracedFrame): void {
  const { direction, bytes, fault, read, message, open, notOpened, atMs } = frame
  totals.frames += 1
  totals.fromMs = Math.min(totals.fromMs, atMs)
  totals.toMs = Math.max(totals.toMs, atMs)
  if (direction === 'to meter') totals.bytesToMeter += bytes
  else if (direction === 'from meter') totals.bytesFromMeter += bytes
  else totals.bytesOfNoDirection += bytes
  if (fault !== undefined) count(totals.dropped, fault)
  else count(totals.kinds, read?.name ?? noPacket)
  const sealed = read?.fields.sealed
  if (sealed !== undefined) totals.messageBytes += Math.max(0, String(sealed).length / 2 - tagBytes)
  if (open !== undefined) totals.opened += 1
  if (notOpened) totals.notOpened += 1
  if (message !== undefined && 'fields' in message) {
    totals.recordBytes += recordBytes(message.name, message.fields)?.length ?? 0
  }
}

const list = (counts: { [name: string]: number }) =>
  Object.entries(counts)
    .map(([name, number]) => `${number} ${name}`)
    .join(', ')

/** Totals as text, at most three lines. */
export function totalsText(totals: Totals): string {
  const { frames, kinds, dropped, bytesToMeter, bytesFromMeter, bytesOfNoDirection, messageBytes } = totals
  if (frames === 0) return 'no frames\n'
  const bytes = bytesToMeter + bytesFromMeter + bytesOfNoDirection
  const faults = Object.values(dropped).reduce((sum, number) => sum + number, 0)
  const percent = (part: number) => `${Math.round((100 * part) / bytes)} %`
  const seconds = ((totals.toMs - totals.fromMs) / 1000).toFixed(3)
  const unknown = bytesOfNoDirection > 0 ? `, ${bytesOfNoDirection} of no known direction` : ''
  const records =
    totals.opened > 0 ? `, day blocks, snapshots and events ${totals.recordBytes} (${percent(totals.recordBytes)})` : ''
  const notOpened = totals.notOpened > 0 ? `; ${totals.notOpened} do not open` : ''
  return (
    `${frames} frames in ${seconds} s: ${list(kinds)}${faults > 0 ? `; ${faults} dropped: ${list(dropped)}` : ''}${notOpened}\n` +
    `${bytes} bytes: ${bytesToMeter} to the meter, ${bytesFromMeter} from it${unknown}\n` +
    `payload: messages ${messageBytes} bytes (${percent(messageBytes)})${records}\n`
  )
}
