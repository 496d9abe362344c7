// A line that is reopened: adapters are unplugged and ptys are recreated while a meter runs.

import type { Line } from '../emulator/meter-line.ts'
import { openLine } from '../emulator/meter-line.ts'
import type { Io } from './io.ts'

const reopenMs = 250

/** A line that is opened again when it is lost. */
export interface LineHolder {
  url(): string
  write(bytes: Uint8Array): void
  take(taker: (bytes: Uint8Array) => void): void
  close(): Promise<void>
}

/** Holds a line that was opened as `url`; opens it again, with a new port object each time, when it is lost. */
export function holdLine(first: Line, url: string, baud: number, io: Io): LineHolder {
  let line: Line | undefined
  let taker: (bytes: Uint8Array) => void = () => {}
  let timer: NodeJS.Timeout | undefined
  let closed = false

  function hold(opened: Line): void {
    line = opened
    opened.onData((bytes) => taker(bytes))
    opened.onClose((why) => {
      line = undefined
      io.stderr(`${why}; trying again until it is there\n`)
      timer = setTimeout(reopen, reopenMs)
    })
  }
  async function reopen(): Promise<void> {
    const opened = await openLine(url, baud)
    if (opened.ok && closed) await opened.line.close()
    else if (opened.ok) {
      hold(opened.line)
      io.stderr(`${opened.line.url} is back\n`)
    } else if (!closed) timer = setTimeout(reopen, reopenMs)
  }

  hold(first)
  return {
    url: () => line?.url ?? url,
    write: (bytes) => line?.write(bytes),
    take: (next) => {
      taker = next
    },
    async close() {
      closed = true
      clearTimeout(timer)
      await line?.close()
    },
  }
}
