// smets1 flash --rehearse: the whole procedure against a simulated board, so that it can be seen without one. The simulated
// board runs the real script, and the first read asks it as it would ask a board. Nothing outside this process changes.

import { randomBytes } from 'node:crypto'
import { defaultConfiguration } from '../../firmware/settings.ts'
import { euiToBytes } from '../../protocol/bytes.ts'
import type { EspruinoBoard } from '../boards/board-row.ts'
import type { Line } from '../emulator/meter-line.ts'
import type { PromptTiming } from '../install/espruino-prompt.ts'
import { newBoard } from '../install/new-board.ts'
import { PromptSim } from '../install/prompt-simulator.ts'
import type { MeterSettings } from '../settings/settings-file.ts'
import type { Rehearsal } from './flash-report.ts'

/** Bits per second of the simulated console: fast, as nobody waits for a real line. */
const simulatedBaud = 4000000

/** The EUI-64 of the rehearsal's meter when no settings are named: the ESME of the reference test data set. */
const exampleEui = '00-DB-12-34-56-78-90-A0'

/** Settings of a meter that does not exist, with a key that is used once. */
export function exampleSettings(): MeterSettings {
  return { eui: euiToBytes(exampleEui), key: new Uint8Array(randomBytes(32)), configuration: defaultConfiguration() }
}

export interface RehearsalBoard {
  line: Line
  rehearsal(steps: string[], consoleBaud: number): Rehearsal
}

/** A new board of a row, its power just switched on. */
export function rehearsalBoard(row: EspruinoBoard, timing: PromptTiming): RehearsalBoard {
  const sim = new PromptSim({ ...newBoard(row, timing), baud: simulatedBaud, runsScript: true })
  sim.start()
  return {
    line: { ...sim.port, url: 'rehearsal', close: async () => sim.stop() },
    rehearsal(steps, consoleBaud) {
      const bytes = sim.count.bytes + sim.said().length
      return { steps, lines: sim.count.lines, bytes, lineSeconds: (bytes * 10) / consoleBaud }
    },
  }
}
