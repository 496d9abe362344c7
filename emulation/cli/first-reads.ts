// The two reads that `smets1 up` shows: yesterday as the supplier and as the MDR.

import type { Registry, User } from '../../host/access/parties.ts'
import { firstDevice } from '../../host/access/registry-rows.ts'
import { type Io, type Options, textOption } from '../../host/cli/command.ts'
import { readAs } from '../../host/cli/read.ts'
import { kWh, table, totalWh } from '../../host/cli/show.ts'
import { column } from '../../host/cli/show-response.ts'
import { programAsTyped } from '../../host/cli/typed.ts'
import type { TrustStore } from '../../host/pki/trust.ts'
import type { CompletedRequest } from '../../host/requests/accepted-request.ts'
import type { RunningBridge } from '../../host/runtime/run-bridge.ts'
import { CommandError } from '../../host/state/errors.ts'
import type { StatePaths } from '../../host/state/state-directory.ts'
import { dayMs } from '../../protocol/half-hour.ts'

/** Time limit of a read: the target response time and a little. */
const readTimeoutMs = 20000

/** What is running, and what each answer cost. */
export interface Bench {
  paths: StatePaths
  registry: Registry
  trust: TrustStore
  running: RunningBridge
  answers: Map<string, CompletedRequest>
  /** The time by the bench's clock. */
  nowMs(): number
}

/** Yesterday, UTC. */
interface Window {
  startMs: number
  endMs: number
}

function costOf(answered: CompletedRequest | undefined): string {
  if (answered === undefined) return ''
  const { usage, provenance } = answered
  const count = (number: number, what: string) => `${number} ${what}${number === 1 ? '' : 's'}`
  const source = provenance
    ? `${provenance.fromMeter} half-hours from the meter, ${provenance.fromCache} from the cache\n  `
    : ''
  if (usage.wakeUps === 0) return `${source}cost to the meter: none`
  const parts = [
    count(usage.wakeUps, 'wake-up'),
    count(usage.sessions, 'session'),
    `${usage.bytesOut + usage.bytesIn} bytes on the line (${usage.bytesOut} to the meter, ${usage.bytesIn} from it)`,
    `${count(usage.dcoCalls, 'DCO call')}, the longest ${usage.dcoMsMax < 1 ? 'under 1' : Math.round(usage.dcoMsMax)} ms`,
  ]
  return `${source}cost to the meter: ${parts.join(', ')}`
}

/** Why a User of the registry cannot be shown reading. */
function obstacle(user: User): string | undefined {
  const { callback, certificate } = user
  if (certificate !== undefined) return 'its key is not here: its certificate stands in the registry'
  if (callback !== undefined && !callback.startsWith('http:')) return `its responses go to another program, ${callback}`
  return undefined
}

/** Reads and shows. Undefined when the read is skipped, with a hint. @throws CommandError */
async function readAndShow(bench: Bench, name: string, window: Window, io: Io, title: string) {
  const { paths, trust, registry, running } = bench
  const skipped = (why: string) => {
    const again = `${programAsTyped(io.env)} read 4.8.1 --as NAME --explain`
    io.stdout(`\n${title}: skipped, ${why}. The bench runs on; try: ${again}\n`)
  }
  const user = registry.users.find((one) => one.name === name)
  const device = firstDevice(registry)
  if (user === undefined || device === undefined) {
    return skipped(`${paths.registry} has no ${user === undefined ? `User called ${name}` : 'device'}`)
  }
  const why = obstacle(user)
  if (why !== undefined) return skipped(why)
  const outcome = await readAs(
    paths,
    trust,
    running.url,
    user,
    device.eui,
    '4.8.1',
    { period: window },
    readTimeoutMs,
  ).catch((error: unknown) => {
    if (error instanceof CommandError) return error
    throw error
  })
  if (outcome instanceof CommandError) return skipped(outcome.message)
  const answered = bench.answers.get(outcome.response?.requestId?.text.toUpperCase() ?? '')
  if (outcome.code !== 'I0') {
    const reason = outcome.explanation ?? answered?.detail ?? ''
    return skipped(`${name} gets ${outcome.code}${reason && `: ${reason}`}`)
  }
  io.stdout(`\n${title}\n`)
  const entries = column(outcome.response?.entries ?? [], 'wh')
  io.stdout(table(entries, 'Wh', device.stamps))
  io.stdout(`  I99 after ${outcome.acknowledgedMs} ms, I0 after ${outcome.answeredMs} ms; ${costOf(answered)}\n`)
  return entries
}

/** Both reads, shown and compared. @returns true when they agree, and there is something to read */
export async function demonstrate(bench: Bench, io: Io, options: Options): Promise<boolean> {
  const today = Math.floor(bench.nowMs() / dayMs) * dayMs
  const window = { startMs: today - dayMs, endMs: today }
  const supplier = await readAndShow(bench, 'supplier', window, io, '1. The supplier reads yesterday')
  const mdr = await readAndShow(bench, 'mdr', window, io, '2. The MDR reads the same')
  if (supplier === undefined || mdr === undefined) return false
  // The entry stamped with the beginning of the window is the last half-hour of the day before.
  if (!supplier.some(({ stampMs }) => stampMs > window.startMs)) {
    const load = textOption(options, 'load')
    const why =
      load === undefined || options.yearEnds === true
        ? 'The meter has no half-hour of yesterday.'
        : `The meter has no half-hour of yesterday: ${load} ends before. --year-ends, with another --state, shifts it to end yesterday.`
    io.stdout(`\n${why}\n`)
    return false
  }
  const agree = JSON.stringify(supplier) === JSON.stringify(mdr)
  const both = `${supplier.length} half-hours, ${kWh(totalWh(supplier))}`
  io.stdout(
    agree ? `\nBoth agree: ${both}.\n` : `\nThey disagree: ${both}; ${mdr.length} half-hours, ${kWh(totalWh(mdr))}.\n`,
  )
  return agree
}
