// The meter's line through its console: bytes for the UART are passed to the script by the prompt, and what it sends on the
// UART is printed instead. So a meter can be read without anything connected to its line; the UART itself is not tested.

import type { EspruinoBoard } from '../boards/board-row.ts'
import type { Prompt } from './espruino-prompt.ts'

/** How a line is opened, as the bridge's side has it. */
export type OpenPort = (
  url: string,
  baud: number,
  events: { data(bytes: Uint8Array): void; closed(): void },
) => Promise<{ write(bytes: Uint8Array): void; close(): Promise<void> }>

const mark = '#line '

/** Bytes put into one line of the prompt. */
const partBytes = 96

/** Opens the line of the meter that runs behind a prompt. */
export function promptLine(prompt: Prompt, { line }: EspruinoBoard): OpenPort {
  return async (_url, _baud, events) => {
    prompt.listen(mark, (text) => events.data(new Uint8Array(Buffer.from(text, 'base64'))))
    await prompt.run(`${line.device}.write=function(d){print("${mark}"+btoa(d))};0`)
    return {
      write(bytes) {
        for (let at = 0; at < bytes.length; at += partBytes) {
          const part = Buffer.from(bytes.subarray(at, at + partBytes)).toString('base64')
          prompt.send(`${line.device}.emit("data",atob("${part}"))`)
        }
      },
      async close() {
        prompt.listen('', undefined)
        await prompt.run(`delete ${line.device}.write;0`)
      },
    }
  }
}
