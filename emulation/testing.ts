// `smets1/testing`: a meter, the bridge in front of it and Users, in the process of a test.

import { fridgeWh, householdWh } from '../hardware/load/household.ts'
import { reactiveVarh } from '../hardware/load/reactive.ts'
import { solarExportWh } from '../hardware/load/solar.ts'
import { type BridgeConfig, readConfig } from '../host/config/config.ts'
import { systemTiming } from '../host/runtime/system-timing.ts'
import { ConfigurationError } from '../host/state/errors.ts'
import { dayMs, halfHourMs } from '../protocol/half-hour.ts'
import { createBench, midnight } from './bench.ts'
import type { Bench, BenchClock, StartBenchOptions } from './bench-api.ts'
import { createBenchClock, type MovedClock } from './bench-clock.ts'
import { createBenchFaults } from './bench-faults.ts'
import { createBenchServer } from './bench-http.ts'
import { createBenchLine, createBenchMeter } from './bench-meter.ts'
import { esme, exportParties, mpan } from './bench-parties.ts'
import { createBenchUsers } from './bench-users.ts'
import type { OthersOf, WhOf } from './follow-load.ts'
import { instantMs } from './instants.ts'
import { createRealBenchClock, createRealClock } from './real-clock.ts'
import { createSimulatedPki, type SimulatedPki } from './simulated-env.ts'
import { hasUnanswered } from './unanswered.ts'
import { createVirtualClock, type VirtualClock } from './virtual-clock.ts'

export type { BridgeConfig } from '../host/config/config.ts'
export type { FaultEffect, FaultRow, FaultRule, Faults } from '../host/http/control/fault-rule.ts'
export { CommandError, ConfigurationError, ProgramError } from '../host/state/errors.ts'
export type {
  Bench,
  BenchAnswer,
  BenchClock,
  BenchLine,
  BenchMeter,
  BenchReadings,
  BenchResponse,
  CallbackAnswer,
  ClockState,
  HalfHourValues,
  NewUser,
  ReadDay,
  ReadHalfHour,
  ReadingsOptions,
  ReadOptions,
  ReadRegisters,
  StartBenchOptions,
} from './bench-api.ts'
export type { Duration, Instant } from './instants.ts'
export type { LineFaults } from './line-faults.ts'
export type { CollectedHalfHour, RefusedAnswer, SettlementDayExpectation } from './verdicts.ts'
export { expectRefused, expectSettlementDay, VerdictError } from './verdicts.ts'

/** The settings. @throws ConfigurationError for one that does not exist or has a wrong value */
function settingsOf(config: Partial<BridgeConfig>): Partial<BridgeConfig> {
  const known = { ...readConfig('', {}, { explain: true, ...config }), lineUrl: 'sim:' }
  for (const name of Object.keys(config)) {
    if (!(name in known)) {
      throw new ConfigurationError(`config: there is no setting "${name}"; there are ${Object.keys(known).join(', ')}`)
    }
  }
  return { ...known, ...config }
}

const startMs = midnight + 600_000
const daysMax = 400

function wholeNumber(name: string, value: number, least: number, most: number): number {
  if (Number.isInteger(value) && value >= least && value <= most) return value
  throw new ConfigurationError(`${name} is a whole number from ${least} to ${most}, not ${value}`)
}

/** What the simulated household takes and gives. */
function household(seed: number): { whOf: WhOf; othersOf: OthersOf } {
  const whOf = (halfHour: number) => householdWh(seed, halfHour)
  return {
    whOf,
    othersOf(halfHour) {
      const { importVarh, exportVarh } = reactiveVarh(seed, whOf(halfHour), fridgeWh(seed, halfHour))
      return [solarExportWh(seed, solarPeakW, halfHour), importVarh, exportVarh]
    },
  }
}

const solarPeakW = 3600

/**
 * Starts a bench: the meter with its log, the bridge and the Users of the reference test data set. Benches in one process do not
 * affect each other.
 * @throws ConfigurationError, CommandError
 */
export async function startBench(options: StartBenchOptions = {}): Promise<Bench> {
  const isReal = options.time === 'real'
  if (isReal && options.at !== undefined)
    throw new ConfigurationError('at is for virtual time: leave it out in real time')
  const nowMs = isReal ? systemTiming.nowMs() : instantMs(options.at ?? startMs, 'at')
  const config = settingsOf(options.config ?? {})
  const seed = wholeNumber('seed', options.seed ?? 1, 0, 0xffffffff)
  const days = wholeNumber('days', options.days ?? 10, 1, daysMax)
  const port = wholeNumber('port', options.port ?? 0, 0, 65535)
  const time = isReal ? realTime() : virtualTime()
  const pki = createSimulatedPki(nowMs - (daysMax + 100) * dayMs)
  const at = { nowMs, days, seed, port, isReal }
  const bench = await assemble(at, time, pki, config).catch((error) => {
    pki.remove()
    throw error
  })
  if (options.load === undefined) return bench
  return bench.meter.load(options.load).then(
    () => bench,
    async (error) => {
      await bench.close()
      throw error
    },
  )
}

interface Start {
  nowMs: number
  days: number
  seed: number
  port: number
  isReal: boolean
}

/** The clock that a bench runs by, and its user's. */
interface BenchTime {
  clock: VirtualClock
  /** The user's clock, once the bench has started. */
  moved(bench: Started): BenchClock
  answering(requests: number): void
  close(): void
}

type Started = Awaited<ReturnType<typeof createBench>>

function realTime(): BenchTime {
  const clock = createRealClock(systemTiming)
  return { clock, moved: () => createRealBenchClock(clock), answering() {}, close() {} }
}

function virtualTime(): BenchTime {
  const clock = createVirtualClock(0)
  let moved: MovedClock | undefined
  let answering = 0
  return {
    clock,
    moved({ store, log }) {
      const unanswered = () => answering > 0 || hasUnanswered(store, clock.nowMs())
      const failed = (error: unknown) => void log.push({ event: 'fault', problem: problemOf(error) })
      moved = createBenchClock({ clock, real: systemTiming, unanswered, failed })
      const { answer, close, ...own } = moved
      return own
    },
    answering(requests) {
      answering = requests
      moved?.answer()
    },
    close: () => moved?.close(),
  }
}

const problemOf = (error: unknown) => (error instanceof Error ? error.stack : String(error))

async function assemble(at: Start, time: BenchTime, pki: SimulatedPki, config: Partial<BridgeConfig>): Promise<Bench> {
  const { nowMs, days, seed, isReal } = at
  const parties = exportParties()
  const load = household(seed)
  const { clock, answering } = time
  const server = createBenchServer(
    at.port,
    { kind: isReal ? 'real' : 'virtual', timing: clock, hold: clock.hold, answering },
    (error) => bench.log.push({ event: 'fault', problem: problemOf(error) }),
  )
  const midnightMs = Math.floor(nowMs / halfHourMs) * halfHourMs
  const { faults, disturb } = createBenchFaults('sim:', () => faulty)
  const outside = { clock, pki, serve: server.serve, disturb }
  const bench = await createBench({ days, seed, midnightMs, startMs: nowMs, ...load, parties, config, outside })
  const users = createBenchUsers({ bench, pki, parties, defaultTimeoutMs: isReal ? 60_000 : dayMs })
  const { meter, faulty, remove } = createBenchMeter({
    clock,
    line: bench.line,
    eui: esme,
    mpan,
    first: bench.meter,
    household: load.whOf,
    othersOf: load.othersOf,
    async replaced(key) {
      bench.setDcoKey(key)
      await bench.bridge().evictDevice(esme, 'its meter was replaced')
    },
  })
  let closing: Promise<void> | undefined
  async function closeAll(): Promise<void> {
    time.close()
    server.close()
    remove()
    await clock.run(bench.bridge().stop())
    await users.close()
    pki.remove()
  }
  const close = () => {
    closing ??= closeAll()
    return closing
  }
  return {
    url: bench.bridge().served?.url ?? '',
    pki: pki.files,
    clock: time.moved(bench),
    meter,
    line: createBenchLine(bench.line),
    faults,
    log: bench.log,
    read: users.read,
    request: (srv, read = {}) => users.request(srv, read).xml,
    sign: (xml, as = 'supplier') => bench.sign(xml, as),
    received: users.received,
    addUser: users.add,
    answerCallbacks: users.answerCallbacks,
    close,
    [Symbol.asyncDispose]: close,
  }
}
