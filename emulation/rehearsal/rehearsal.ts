// Runs a scenario, or the part of it that one process has: the real bridge and the real firmware on one virtual clock.

import { settlementDayOf } from '../../host/access/settlement-day.ts'
import type { BridgeEnv } from '../../host/bridge/env.ts'
import { type Bridge, startBridge } from '../../host/bridge/start-bridge.ts'
import { bridgeTables, type Tables } from '../../host/bridge/tables.ts'
import type { BridgeConfig } from '../../host/config/config.ts'
import type { Vault } from '../../host/dco/vault.ts'
import { performanceRows } from '../../host/metrics/performance-measures.ts'
import { createMemoryStore, type Store } from '../../host/store/store.ts'
import { addUsage } from '../../host/wan/usage.ts'
import { dayMs, halfHourMs } from '../../protocol/half-hour.ts'
import { createModels } from '../models.ts'
import { createSimulatedEnv, createSimulatedPki, type SimulatedPki, simulatedKeys } from '../simulated-env.ts'
import { createVirtualClock, type VirtualClock } from '../virtual-clock.ts'
import { createCompleteness } from './completeness.ts'
import { createDemand, type Demand } from './demand.ts'
import { createEstate } from './estate.ts'
import { createFaults } from './faults.ts'
import { type Measures, noMeasures, wanOf, wrongMax } from './measures.ts'
import { meterDco } from './metered-dco.ts'
import { type MeteredLines, meterLines } from './metered-port.ts'
import { createObserver } from './observer.ts'
import { createPopulation, isOf, type RehearsedMeter } from './population.ts'
import { createPump } from './pump.ts'
import { lineOfMeter, rehearsedRegistry } from './registry.ts'
import type { Scenario } from './scenario.ts'
import { bridgeConfigOf } from './scenario-problems.ts'
import { createSample, createSenders } from './users.ts'

export interface RehearseOptions {
  scenario: Scenario
  /** Which part of the population, from 0, of how many. */
  part: number
  parts: number
  /** Called with the virtual hours that are done. */
  progress?(hours: number): void
  /** True to end early: what is done is kept. */
  isCancelled?(): boolean
}

const hourMs = 3_600_000
/** Parties create their schedules in this time before the rehearsal. */
const setUpMs = halfHourMs
/** The clock is moved in steps of so much. */
const stepMs = 10 * 60_000

/**
 * Since when the meters have a log: for the longest period that is asked for, and at least the Settlement Day before the first
 * day, which begins an hour early in summer, and the half-hour before that.
 */
function logSinceMs({ parties }: Scenario, startMs: number): number {
  const days = parties.flatMap(({ asks }) =>
    asks.map(({ period }) => (typeof period === 'object' && 'days' in period ? period.days : 1)),
  )
  return startMs - Math.max(1, ...days) * dayMs - 2 * hourMs
}

interface World {
  scenario: Scenario
  config: BridgeConfig
  clock: VirtualClock
  pki: SimulatedPki
  store: Store<Tables>
  startMs: number
  measures: Measures
  population: RehearsedMeter[]
  meters: RehearsedMeter[]
}

function createWorld({ scenario, part, parts }: RehearseOptions): World {
  const startMs = Date.parse(scenario.start)
  const population = createPopulation(scenario)
  return {
    scenario,
    config: { ...bridgeConfigOf(scenario, parts), lineUrl: 'sim:' },
    clock: createVirtualClock(startMs - setUpMs),
    pki: createSimulatedPki(startMs - 500 * dayMs),
    store: createMemoryStore(bridgeTables),
    startMs,
    measures: noMeasures(),
    population,
    meters: population.filter(({ index }) => index % parts === part),
  }
}

/** The half-hours that settlement wants: import where the customer consents, and all export (assumption DA11). */
function wantedHalfHours({ scenario, meters, startMs }: World) {
  const firstDay = startMs / dayMs - 1
  const completeness = createCompleteness(firstDay, firstDay + scenario.days - 1, (halfHour) =>
    settlementDayOf(halfHour * halfHourMs),
  )
  for (const party of scenario.parties.filter(({ forSettlement }) => forSettlement)) {
    for (const { srv, of } of party.asks) {
      const channel = srv === '4.8.1' ? 'import' : srv === '4.8.3' ? 'export' : undefined
      if (channel === undefined) continue
      for (const meter of meters) if (isOf(meter, of)) completeness.want(meter.index, channel)
    }
  }
  return completeness
}

/** The code of one of our own acknowledgements. */
function codeOf(xml: string): string {
  return /<sr:ResponseCode>([^<]*)</.exec(xml)?.[1] ?? ''
}

function simulatedEnv(world: World, lines: MeteredLines, key: Vault['key'], events: EnvEvents): BridgeEnv {
  const { scenario, config, clock, pki, store, meters } = world
  const registry = rehearsedRegistry(scenario, meters)
  const models = createModels(clock, config)
  // Records of the trail would be copied and kept: a rehearsal only lets the bridge make them.
  const audit = { record: () => {}, committed: async () => {} }
  const env = createSimulatedEnv(
    {
      clock,
      openPort: lines.openPort,
      pki,
      ...simulatedKeys(pki.directory()),
      store,
      vault: { key },
      parties: { registry: () => registry, trust: pki.trust },
      models: { ...models, dco: meterDco(models.dco, world.measures.dco, clock, world.startMs) },
      seed: scenario.seed,
    },
    config,
    1,
    { ...events, ...audit, reportSecurity: () => {} },
  )
  return { ...env, disk: { ...env.disk, audit } }
}

type EnvEvents = Pick<Parameters<typeof createSimulatedEnv>[3], 'post' | 'log' | 'completed'>

/** Creates the schedules of all parties with 5.1. @throws Error when one is refused */
async function createSchedules(
  { scenario, clock }: World,
  demand: Demand,
  bridge: Bridge,
  senders: ReturnType<typeof createSenders>,
  created: ReturnType<typeof createObserver>['scheduled'],
): Promise<void> {
  for (const { party, details } of demand.schedules()) {
    const { xml } = senders.schedule(party, details)
    const answer = await clock.run(bridge.receive('serviceD', Buffer.from(xml), true, undefined))
    const code = codeOf(answer.xml)
    if (code !== 'I0') {
      const why = answer.headers?.['smets1-explain'] ?? ''
      throw new Error(`${scenario.name}: ${party.name} cannot schedule ${details.variant}: ${code} ${why}`)
    }
    created(Number(/<sr:DSPScheduleID>(\d+)</.exec(answer.xml)?.[1]), { party, srv: details.variant })
  }
}

/** Rehearses one part of the population. @throws Error when the scenario cannot be carried out */
export async function rehearse(options: RehearseOptions): Promise<Measures> {
  const world = createWorld(options)
  try {
    return await run(world, options)
  } finally {
    world.pki.remove()
  }
}

/** The parts of a rehearsal that is ready to begin. */
async function prepare(world: World, options: RehearseOptions) {
  const { scenario, config, clock, pki, startMs, measures, population, meters } = world
  const estate = createEstate(clock, meters, scenario.seed, logSinceMs(scenario, startMs))
  const faults = createFaults(scenario, population, startMs)
  const cohorts = new Map(meters.map(({ eui, cohort }) => [lineOfMeter(eui), cohort]))
  const lines = meterLines({
    openPort: estate.openPort,
    timing: clock,
    startMs,
    wanOf: (url) => wanOf(measures, cohorts.get(url) ?? ''),
    failureBytes: (url) => faults.failureBytes(url, clock.nowMs()),
  })
  const senders = createSenders(scenario.parties, pki, pki.identity('dsp').eui)
  const check = createSample(pki, (index) => population[index])
  const report = (problem: string) => measures.wrong.length < wrongMax && measures.wrong.push(problem)
  const pump = createPump(clock, (wanted) => {
    const { id, xml } = senders.read(wanted)
    observer.sent(wanted, id.text)
    bridge.receive('serviceS', Buffer.from(xml), false, undefined).then(
      (answer) => observer.acknowledged(id.text, codeOf(answer.xml)),
      (error: Error) => report(`bridge: ${error.message}`),
    )
  })
  const observer = createObserver({
    measures,
    config,
    startMs,
    nowMs: clock.nowMs,
    completeness: wantedHalfHours(world),
    failed(wanted) {
      const { times, afterMs } = wanted.party.askAgain
      const { executionMs: _, ...again } = wanted
      if (wanted.tries < times) pump.add([{ ...again, atMs: clock.nowMs() + afterMs, tries: wanted.tries + 1 }])
    },
  })
  const env = simulatedEnv(world, lines, estate.key, {
    async post(url, xml) {
      if (faults.isDown(url, clock.nowMs())) throw new Error('the callback does not answer (a fault of the scenario)')
      const problem = check(xml, clock.nowMs())
      if (problem !== undefined) measures.verified += 1
      if (problem) report(problem)
      return 204
    },
    log: observer.log,
    completed: observer.completed,
  })
  const bridge = await startBridge(env, config)
  const demand = createDemand(scenario, population, ({ index }) => index % options.parts === options.part)
  await createSchedules(world, demand, bridge, senders, observer.scheduled)
  return { bridge, demand, lines, observer, pump }
}

async function run(world: World, options: RehearseOptions): Promise<Measures> {
  const { scenario, clock, store, startMs, measures } = world
  const { bridge, demand, lines, observer, pump } = await prepare(world, options)
  const { isCancelled = () => false } = options
  await clock.pass(startMs - clock.nowMs())
  for (let day = 0; day < scenario.days && !isCancelled(); day++) {
    pump.add(demand.requestsOfDay(day))
    await passDay(clock, startMs, isCancelled, options.progress)
  }
  const isOpen = () =>
    observer.open.size > 0 || !pump.isEmpty() || bridge.delivery.pending().length > 0 || runsOf(bridge) > 0
  // Every request has its answer after a day at the latest.
  const lastMs = clock.nowMs() + dayMs + hourMs
  while (!isCancelled() && isOpen() && clock.nowMs() < lastMs) await clock.pass(stepMs)

  measures.hours = Math.min(scenario.days * 24, Math.floor((clock.nowMs() - startMs) / hourMs))
  measures.unanswered = observer.open.size + runsOf(bridge)
  pump.clear()
  lines.end()
  addUsage(measures.usage, bridge.total)
  measures.completeness = observer.completeness
  await clock.run(bridge.stop())
  for (const row of performanceRows(store, '', '9')) {
    measures.performance.set(`${row.kind}/${row.settlement ? 'settlement' : 'other'}/${row.srv}`, row)
  }
  return measures
}

async function passDay(
  clock: VirtualClock,
  startMs: number,
  isCancelled: () => boolean,
  progress: RehearseOptions['progress'],
): Promise<void> {
  const endMs = clock.nowMs() + dayMs
  while (clock.nowMs() < endMs && !isCancelled()) {
    await clock.pass(Math.min(stepMs, endMs - clock.nowMs()))
    progress?.((clock.nowMs() - startMs) / hourMs)
  }
}

function runsOf({ schedules }: Bridge): number {
  let runs = 0
  for (const schedule of schedules.schedules.withRuns()) runs += schedule.runs.length
  return runs
}
