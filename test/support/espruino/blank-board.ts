// A blank board of the row `linux` at its prompt, on a clock of its own.

import { createVirtualClock, type VirtualClock } from '../../../emulation/virtual-clock.ts'
import { boards } from '../../../hardware/boards/boards.ts'
import { newBoard } from '../../../hardware/install/new-board.ts'
import { PromptSim, type PromptSimOptions } from '../../../hardware/install/prompt-simulator.ts'

export function blankBoard(more: Partial<PromptSimOptions> = {}): { sim: PromptSim; clock: VirtualClock } {
  const clock = createVirtualClock(1000)
  const options = { ...newBoard(boards.linux, clock), version: '2v29', ...more }
  return { sim: new PromptSim(options), clock }
}
