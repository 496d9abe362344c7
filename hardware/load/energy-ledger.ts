// Where a file's energy went: taken, or left out and why. Whole Wh that add up to the file's total.

import { type LeftOut, type LeftOutValues, leftOutRules, listed } from './load-report.ts'
import { type Reading, textOf } from './series.ts'

interface Part {
  count: number
  kwh: number
  first: { line: number; text: string }[]
}

export interface EnergyLedger {
  leaveOut: (reason: LeftOut, reading: Reading, kwh: number) => void
  /** Values that are faults of the file. */
  faults: () => number
  /** The reasons, most frequent fault first, for a message. */
  reasons: () => { reason: LeftOut; count: number; first: { line: number; text: string }[] }[]
  /**
   * Closes the account.
   * @param takenKwh energy taken, as the file has it
   * @param takenWh the same in the whole Wh that the meter counts
   */
  close: (takenKwh: number, takenWh: number) => { leftOut: LeftOutValues[]; fileWh: number }
}

export function createLedger(separator: string | undefined): EnergyLedger {
  const parts = new Map<LeftOut, Part>()
  return {
    leaveOut(reason, reading, kwh) {
      const part = parts.get(reason) ?? { count: 0, kwh: 0, first: [] }
      parts.set(reason, part)
      part.count += 1
      part.kwh += kwh
      if (part.first.length < listed) {
        part.first.push({ line: reading.record.line, text: textOf(reading.record, separator) })
      }
    },
    faults() {
      let faults = 0
      for (const [reason, { count }] of parts) if (leftOutRules[reason].isFault) faults += count
      return faults
    },
    reasons() {
      const faults = [...parts].filter(([reason]) => leftOutRules[reason].isFault)
      const list = faults.length > 0 ? faults : [...parts]
      return list
        .sort(([, a], [, b]) => b.count - a.count)
        .map(([reason, { count, first }]) => ({ reason, count, first }))
    },
    close(takenKwh, takenWh) {
      let exactKwh = takenKwh
      let fileWh = takenWh
      const leftOut: LeftOutValues[] = []
      for (const [reason, { count, kwh, first }] of parts) {
        exactKwh += kwh
        // The sum so far is rounded, not each part, so that the parts add up.
        const wh = kwh === 0 ? 0 : Math.round(exactKwh * 1000) - fileWh
        fileWh += wh
        leftOut.push({ reason, count, wh, first })
      }
      return { leftOut, fileWh }
    },
  }
}
