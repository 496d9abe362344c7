// The WAN as its operator sees it: SMS, data contexts and bytes of each meter's line, by cohort and second.

import type { OpenPort } from '../../host/wan/bindings.ts'
import type { Timing } from '../../host/wan/timing.ts'
import type { WanCounts } from './measures.ts'
import { addAt } from './series.ts'

export interface MeteredLines {
  openPort: OpenPort
  /** Ends the contexts that are open. */
  end(): void
}

interface MeteredParts {
  openPort: OpenPort
  timing: Timing
  startMs: number
  /** The counts of the cohort of a line. */
  wanOf(url: string): WanCounts
  /** Bytes that a wake-up costs which finds nobody; undefined when the meter can be reached. */
  failureBytes(url: string): number | undefined
}

/** The wake frame of a sleeping meter has two zeros in front: it is the SMS. No other frame begins with a zero. */
const isWake = (bytes: Uint8Array) => bytes[0] === 0 && bytes[1] === 0

export function meterLines({ openPort, timing, startMs, wanOf, failureBytes }: MeteredParts): MeteredLines {
  /** The context of each line: from the meter's first byte after a wake-up to the last byte. */
  const contexts = new Map<string, { wan: WanCounts; begunMs: number; lastMs: number }>()

  function endContext(url: string): void {
    const context = contexts.get(url)
    if (context === undefined) return
    contexts.delete(url)
    const { wan, begunMs, lastMs } = context
    wan.contexts += 1
    wan.contextMsSum += lastMs - begunMs
    wan.contextMsMax = Math.max(wan.contextMsMax, lastMs - begunMs)
    addAt(wan.begunBySecond, begunMs - startMs, 1)
    addAt(wan.endedBySecond, lastMs - startMs, 1)
  }

  return {
    end: () => [...contexts.keys()].forEach(endContext),
    openPort: async (url, baud, events) => {
      const wan = wanOf(url)
      const port = await openPort(url, baud, {
        ...events,
        data(bytes) {
          const nowMs = timing.nowMs()
          const context = contexts.get(url) ?? { wan, begunMs: nowMs, lastMs: nowMs }
          context.lastMs = nowMs
          contexts.set(url, context)
          wan.bytesIn += bytes.length
          addAt(wan.bytesBySecond, nowMs - startMs, bytes.length)
          events.data(bytes)
        },
      })
      return {
        ...port,
        write(bytes) {
          const nowMs = timing.nowMs()
          const context = contexts.get(url)
          const lost = failureBytes(url)
          if (isWake(bytes)) {
            endContext(url)
            wan.wakeUps += 1
            addAt(wan.wakeUpsBySecond, nowMs - startMs, 1)
            wan.failureBytes += lost ?? 0
            if (lost !== undefined) addAt(wan.bytesBySecond, nowMs - startMs, lost)
          } else if (context !== undefined) context.lastMs = nowMs
          wan.bytesOut += bytes.length
          addAt(wan.bytesBySecond, nowMs - startMs, bytes.length)
          if (lost === undefined) port.write(bytes)
        },
      }
    },
  }
}
