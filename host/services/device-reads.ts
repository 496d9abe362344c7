// Every read of a device, by Service Request Variant: called by execution after access control.

import type { Device } from '../access/parties.ts'
import type { DailyReadThrough } from '../cache/daily-reads.ts'
import type { ReadThrough } from '../cache/single-flight.ts'
import type { Entries } from '../catalogue/read-window.ts'
import { formatSmets1Response } from '../duis/format.ts'
import { type AcceptedRequest, type Handler, priorityOf } from '../requests/accepted-request.ts'
import type { Conversation } from '../wan/conversation.ts'
import { readDailyReads, readHalfHours } from '../wan/layouts.ts'
import { readDailyLog } from './read-daily-log.ts'
import { readProfileData } from './read-profile.ts'
import { readRegisters, registersPayload } from './read-registers.ts'

export interface DeviceReadParts {
  nowMs(): number
  readThrough: ReadThrough
  dailyReadThrough: DailyReadThrough
  /** Does `work` in a session with a device's meter, for one accepted request. */
  withSession<T>(
    device: Device,
    accepted: Parameters<Handler>[0],
    usage: Parameters<Handler>[2],
    work: (conversation: Conversation) => Promise<T>,
  ): Promise<T>
}

/** The handlers of 4.1.1, 4.2, 4.6.1, 4.8.1, 4.8.2 and 4.8.3. */
export function deviceReads(parts: DeviceReadParts): { [variant: string]: Handler } {
  const registers: Handler = async (accepted, answer, usage) => {
    const snapshot = await parts.withSession(accepted.allowed.device, accepted, usage, readRegisters)
    return {
      xml: formatSmets1Response({ ...answer, nowMs: parts.nowMs() }, registersPayload(accepted.row.variant, snapshot)),
    }
  }

  const dailyLog: Handler = async (accepted, answer, usage) => {
    const { device } = accepted.allowed
    const through = (first: number, count: number) =>
      parts.dailyReadThrough(device.eui, first, count, (from, howMany) =>
        parts.withSession(device, accepted, usage, (conversation) => readDailyReads(conversation, from, howMany)),
      )
    const read = await readDailyLog(accepted.row, entriesOf(accepted), through, parts.nowMs())
    return { xml: formatSmets1Response({ ...answer, nowMs: parts.nowMs() }, read.payload), provenance: read.provenance }
  }

  const profile: Handler = async (accepted, answer, usage) => {
    const { device } = accepted.allowed
    const read = await readProfileData(accepted.row, entriesOf(accepted), device, {
      readThrough: parts.readThrough,
      nowMs: parts.nowMs(),
      priority: priorityOf(accepted),
      readMeter: (channel, first, count) =>
        parts.withSession(device, accepted, usage, (conversation) =>
          readHalfHours(conversation, channel, first, count),
        ),
    })
    return { xml: formatSmets1Response({ ...answer, nowMs: parts.nowMs() }, read.payload), provenance: read.provenance }
  }

  return {
    '4.1.1': registers,
    '4.2': registers,
    '4.6.1': dailyLog,
    '4.8.1': profile,
    '4.8.2': profile,
    '4.8.3': profile,
  }
}

/** The entries that a read of a log may have. */
function entriesOf({ request, allowed }: AcceptedRequest): Entries {
  if (allowed.entries === undefined) throw new RangeError(`${request.bodyName} has no ReadLogPeriod`)
  return allowed.entries
}
