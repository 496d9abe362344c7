// One rehearsal of the bench "rehearsal", in its own process, so that its processor time and memory are its own.

import { resourceUsage } from 'node:process'
import { rehearse } from '../../emulation/rehearsal/rehearsal.ts'
import { readScenario } from '../../emulation/rehearsal/scenario-file.ts'
import { profiledShare } from './profiled-share.ts'
import { twoParties } from './rehearsal-scenario.ts'

export interface Task {
  meters: number
  days: number
}

export interface Done {
  responses: number
  deviceReads: number
  wrong: number
  wallS: number
  processorS: number
  /** Of that, what makes and verifies signatures, by samples in the same run. */
  signaturesS: number
  memoryBytes: number
}

const processorS = () => {
  const { user, system } = process.cpuUsage()
  return (user + system) / 1e6
}

/** What makes and verifies signatures, digests included. */
const signatureFunctions = ['signCanonical', 'signDocument', 'verifySignature', 'verifySignatureBy']

async function run({ meters, days }: Task): Promise<Done> {
  const [startedMs, started] = [performance.now(), processorS()]
  const scenario = readScenario(twoParties(meters, days), 'bench')
  const { result, share } = await profiledShare(signatureFunctions, () => rehearse({ scenario, part: 0, parts: 1 }))
  const used = processorS() - started
  return {
    responses: [...result.requests.values()].reduce((sum, { answered }) => sum + answered, 0),
    deviceReads: result.usage.sessions,
    wrong: result.wrong.length + result.unanswered,
    wallS: (performance.now() - startedMs) / 1000,
    processorS: used,
    signaturesS: share * used,
    memoryBytes: resourceUsage().maxRSS * 1024,
  }
}

process.on('message', async (task: Task) => process.send?.(await run(task)))
process.on('disconnect', () => process.exit(0))
