// One read of a meter's half-hours in a session of its own, as tests and benches of the line want it.

import type { Dco } from '../../../host/dco/sealer.ts'
import { readHalfHours } from '../../../host/wan/layouts.ts'
import { createMeterSessions } from '../../../host/wan/meter-session.ts'
import type { Reading } from '../../../host/wan/reading.ts'
import type { Line, Timing } from '../../../host/wan/serial-line.ts'
import type { Usage } from '../../../host/wan/usage.ts'

export interface MeterReader {
  line: Line
  dco: Dco
  timing: Timing
}

/** Half-hours `first` to `first + count - 1` of a channel. @throws ReadError */
export function readProfile(
  { line, dco, timing }: MeterReader,
  eui: string,
  channel: number,
  first: number,
  count: number,
  deadlineMs: number,
  usage: Usage,
): Promise<Reading[]> {
  const sessions = createMeterSessions({ dco, timing })
  return sessions.withSession(line, eui, { deadlineMs, usage }, (conversation) =>
    readHalfHours(conversation, channel, first, count),
  )
}
