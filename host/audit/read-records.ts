// The records in lines of the audit trail.

import type { AuditRecord } from './audit-record.ts'
import { type LineContext, passLine, readLine, readLineTime } from './record-line.ts'

/** Which lines are decoded; the others are passed over. */
export interface Wanted {
  /** Number of the first record. */
  fromSeq?: number
  fromMs?: number
  toMs?: number
  /** EUI-64s without dashes: one of a record's must be each of them. */
  euis?: readonly string[]
}

/**
 * The records of whole batches, with or without their trailers. Lines that cannot be read are left out; verification
 * reports them.
 */
export function* recordsIn(text: string, first: number, wanted: Wanted = {}): Generator<AuditRecord> {
  const { fromMs = Number.NEGATIVE_INFINITY, toMs = Number.POSITIVE_INFINITY, euis = [], fromSeq = 0 } = wanted
  let seq = first
  let context: LineContext = {}
  for (let at = 0; at < text.length; ) {
    const found = text.indexOf('\n', at)
    const end = found < 0 ? text.length : found
    const line = text.slice(at, end)
    at = end + 1
    if (line.startsWith('=')) {
      context = {}
      continue
    }
    const record = readWanted(line, seq, context, (timeMs, request) => {
      const mayHave = (eui: string) =>
        line.includes(eui) || line.includes('!') || request.includes(eui) || request.includes('!')
      return seq >= fromSeq && timeMs >= fromMs && timeMs < toMs && euis.every(mayHave)
    })
    if (record !== undefined) yield record
    seq += 1
  }
}

function readWanted(
  line: string,
  seq: number,
  context: LineContext,
  isWanted: (timeMs: number, request: string) => boolean,
): AuditRecord | undefined {
  try {
    const timeMs = readLineTime(line, context)
    passLine(line, context)
    return isWanted(timeMs, context.request ?? '') ? readLine(line, seq, timeMs, context) : undefined
  } catch {
    return undefined
  }
}
