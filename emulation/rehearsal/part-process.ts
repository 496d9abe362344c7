// The process of one part of a rehearsal. Started by parts.ts.

import type { PartMessage } from './parts.ts'
import { rehearse } from './rehearsal.ts'
import type { Scenario } from './scenario.ts'

let ended = false

const send = (message: PartMessage) =>
  new Promise<void>((resolve) => {
    process.send?.(message, () => resolve())
  })

async function run({ scenario, part, parts }: { scenario: Scenario; part: number; parts: number }): Promise<void> {
  let last = -1
  const measures = await rehearse({
    scenario,
    part,
    parts,
    isCancelled: () => ended,
    progress(hours) {
      if (Math.floor(hours) === last) return
      last = Math.floor(hours)
      void send({ hours })
    },
  })
  await send({ measures, memoryBytes: process.resourceUsage().maxRSS * 1024 })
}

// The terminal sends it to every process of the group; the first one decides.
process.on('SIGINT', () => {})
process.on('disconnect', () => process.exit())
process.on('message', (message: 'end' | Parameters<typeof run>[0]) => {
  if (message === 'end') ended = true
  else run(message).catch((error: Error) => send({ problem: error.message }))
})
