// Many meters, a bridge and a collector that is its MDR, on one virtual clock: a bad month, with an oracle.

import { createModels } from '../../../emulation/models.ts'
import { createRandom } from '../../../emulation/random.ts'
import { createEstate } from '../../../emulation/rehearsal/estate.ts'
import { loadOf } from '../../../emulation/rehearsal/loads.ts'
import { createPopulation, isOf, type RehearsedMeter } from '../../../emulation/rehearsal/population.ts'
import { euiOfParty, lineOfMeter, registeredDays, rehearsedRegistry } from '../../../emulation/rehearsal/registry.ts'
import type { Scenario } from '../../../emulation/rehearsal/scenario.ts'
import { readScenario } from '../../../emulation/rehearsal/scenario-file.ts'
import { bridgeConfigOf } from '../../../emulation/rehearsal/scenario-problems.ts'
import { createSimulatedEnv, createSimulatedPki, simulatedKeys } from '../../../emulation/simulated-env.ts'
import { createVirtualClock } from '../../../emulation/virtual-clock.ts'
import { settlementDayBounds } from '../../../host/access/settlement-day.ts'
import { type Bridge, startBridge } from '../../../host/bridge/start-bridge.ts'
import { bridgeTables } from '../../../host/bridge/tables.ts'
import { type Collector, openCollector } from '../../../host/collector/collector.ts'
import { type CollectorEvent, type CollectorSettings, defaultSettings } from '../../../host/collector/env.ts'
import { type CollectorStore, collectorTables, openDays, placeOf } from '../../../host/collector/kept.ts'
import type { Agreement } from '../../../host/collector/portfolio.ts'
import { createMemoryStore } from '../../../host/store/store.ts'
import { dayMs, halfHourMs } from '../../../protocol/half-hour.ts'

export interface MonthOptions {
  meters: number
  days: number
  seed: number
  /** First day, UTC. */
  start: string
  /** Share of the meters that are silent for some days. */
  silent: number
  /** Settlement Day on which the meters of the group `leaving` go to another MDR, and those of `arriving` come. */
  change?: string
}

/** Two MDRs: the collector is `ours`. Of the meters 5 % leave and 5 % arrive. */
function scenarioOf({ meters, days, seed, start, change }: MonthOptions): Scenario {
  const groups = { staying: '90%', leaving: '5%', arriving: '5%' }
  const changes =
    change === undefined
      ? []
      : [
          { role: 'MDR' as const, to: 'ours', on: '2020-02-01', of: ['staying'] },
          { role: 'MDR' as const, to: 'ours', on: '2020-02-01', of: ['leaving'] },
          { role: 'MDR' as const, to: 'other', on: change, of: ['leaving'] },
          { role: 'MDR' as const, to: 'ours', on: change, of: ['arriving'] },
        ]
  const parties = [
    { name: change === undefined ? 'ours' : 'other', role: 'MDR' as const, asks: [{ srv: '4.8.1' }] },
    ...(change === undefined ? [] : [{ name: 'ours', role: 'MDR' as const, asks: [{ srv: '4.8.1' }] }]),
  ]
  const population = { meters, export: '20%', groups }
  return readScenario(
    { name: 'bad-month', start: start.slice(0, 10), days, seed, population, parties, changes },
    'collector',
  )
}

/** When each meter is silent. */
function silences(meters: readonly RehearsedMeter[], { silent, seed, days, change }: MonthOptions, startMs: number) {
  const random = createRandom(seed + 77)
  const found = new Map<string, { fromMs: number; toMs: number }>()
  for (const { eui } of meters) {
    if (random.below(1000) >= silent * 1000) continue
    const fromMs = startMs + random.below(days * 24) * 3_600_000
    found.set(lineOfMeter(eui), { fromMs, toMs: fromMs + (1 + random.below(5)) * dayMs + random.below(24) * 3_600_000 })
  }
  // One that leaves never answers again from the day before its change on: its last days cannot be had.
  const leaving = meters.find((meter) => change !== undefined && isOf(meter, ['leaving']))
  if (leaving !== undefined && change !== undefined) {
    const changeMs = settlementDayBounds(change).startMs
    found.set(lineOfMeter(leaving.eui), { fromMs: changeMs - dayMs, toMs: Number.POSITIVE_INFINITY })
  }
  return found
}

/** A store whose process can be killed after so many more writes: what it writes then has no effect. */
export function createMortalStore(store: CollectorStore) {
  let writesLeft = Number.POSITIVE_INFINITY
  let died: () => void = () => {}
  const death = new Promise<void>((resolve) => {
    died = resolve
  })
  const never = new Promise<never>(() => {})
  const alive = () => writesLeft > 0
  const write = (act: () => Promise<void>) => {
    writesLeft -= 1
    if (writesLeft <= 0) died()
    return writesLeft >= 0 ? act() : never
  }
  const own: CollectorStore = {
    ...store,
    put: (table, key, value) => write(() => store.put(table, key, value)),
    remove: (table, key) => write(() => store.remove(table, key)),
    write: (fill) => write(() => store.write(fill)),
  }
  return {
    own,
    alive,
    death,
    dieAfter(writes: number) {
      writesLeft = writes
    },
  }
}

export interface Exchange {
  srv: string
  requestId: string
  atMs: number
  /** Of a read on demand. */
  period: string
  device: string
}

/** Meters, a bridge, and what their MDR is sent. */
async function createSide(options: MonthOptions, receive: (xml: string) => Promise<number>) {
  const scenario = scenarioOf(options)
  const startMs = Date.parse(options.start)
  const meters = createPopulation(scenario)
  const clock = createVirtualClock(startMs - 20 * 60_000)
  const pki = createSimulatedPki(startMs - 500 * dayMs)
  for (const [place, { name }] of scenario.parties.entries()) pki.add({ name: `party-${name}`, eui: euiOfParty(place) })
  const estate = createEstate(clock, meters, options.seed, startMs - 3 * dayMs)
  const quiet = silences(meters, options, startMs)
  const isSilent = (line: string) => {
    const silence = quiet.get(line)
    return silence !== undefined && clock.nowMs() >= silence.fromMs && clock.nowMs() < silence.toMs
  }
  const config = { ...bridgeConfigOf(scenario), lineUrl: 'sim:' }
  const registry = rehearsedRegistry(scenario, meters)
  const audit = { record: () => {}, committed: async () => {} }
  const world = {
    clock,
    openPort: async (...[url, baud, events]: Parameters<typeof estate.openPort>) => {
      const port = await estate.openPort(url, baud, events)
      return { ...port, write: (bytes: Uint8Array) => (isSilent(url) ? undefined : port.write(bytes)) }
    },
    pki,
    ...simulatedKeys(pki.directory()),
    store: createMemoryStore(bridgeTables),
    vault: { key: estate.key },
    parties: { registry: () => registry, trust: pki.trust },
    models: createModels(clock, config),
    seed: options.seed,
  }
  const quietly = { reportSecurity: () => {}, completed: () => {}, log: () => {} }
  const env = createSimulatedEnv(world, config, 1, { ...audit, ...quietly, post: (_url, xml) => receive(xml) })
  const bridge: Bridge = await startBridge({ ...env, disk: { ...env.disk, audit } }, config)
  const isSilentFrom = (eui: string, atMs: number) => (quiet.get(lineOfMeter(eui))?.toMs ?? 0) > atMs
  return { scenario, meters, clock, pki, bridge, isSilentFrom }
}

/** The portfolio of the party `ours`, import and export. */
function portfolioOf(scenario: Scenario, meters: readonly RehearsedMeter[], start: string): Agreement[] {
  const ours = scenario.parties.find(({ name }) => name === 'ours')
  if (ours === undefined) throw new Error('no party is called ours')
  return meters.flatMap((meter) => {
    const days = registeredDays(scenario, ours, meter)
    if (days === undefined || days.to < days.from) return []
    const { from, to } = { from: days.from < start ? start : days.from, to: days.to }
    const own = { device: meter.eui, role: 'MDR', consent: 'H', from, ...(to < '9999' && { to }) } as const
    const { importMpan, exportMpan } = meter
    const exports = exportMpan === undefined ? [] : [{ ...own, mpan: exportMpan, direction: 'export' as const }]
    return [{ ...own, mpan: importMpan, direction: 'import' as const }, ...exports]
  })
}

/** What the collector has sent. */
function exchangeOf(xml: string, atMs: number): Exchange {
  const field = (name: string) => new RegExp(`<sr:${name}>([^<]*)<`).exec(xml)?.[1] ?? ''
  const requestId = field('RequestID')
  const [, device = ''] = requestId.split(':')
  const period = `${field('StartDateTime')} ${field('EndDateTime')}`
  return { atMs, srv: field('ServiceReferenceVariant'), requestId, period, device }
}

type Side = Awaited<ReturnType<typeof createSide>>

/** The lives of a collector, one after the other, on one store. */
function createLives(options: MonthOptions, side: () => Side) {
  const store: CollectorStore = createMemoryStore(collectorTables)
  const key = createRandom(options.seed + 5).bytes(32)
  const sent: Exchange[] = []
  const events: CollectorEvent[] = []
  let lives = 0
  let collector: Collector | undefined
  let mortal = createMortalStore(store)
  return {
    ...{ store, key, sent, events },
    collector: () => collector,
    mortal: () => mortal,
    /** A life of the collector, on what the one before has kept. It is killed after so many writes, if that is given. */
    open(dieAfter?: number, settings: Partial<CollectorSettings> = {}): Collector {
      const { bridge, clock, pki } = side()
      lives += 1
      mortal = createMortalStore(store)
      if (dieAfter !== undefined) mortal.dieAfter(dieAfter)
      const { alive } = mortal
      const env = {
        nowMs: clock.nowMs,
        counterMs: clock.nowMs,
        async send(service: 'serviceD' | 'serviceS', xml: string) {
          if (!alive()) return new Promise<never>(() => {})
          sent.push(exchangeOf(xml, clock.nowMs()))
          return Buffer.from((await bridge.receive(service, Buffer.from(xml), true, undefined)).xml)
        },
        identity: pki.identity('party-ours'),
        dspEui: pki.identity('dsp').eui,
        trust: pki.trust(),
        store: mortal.own,
        sealing: { key, randomBytes: createRandom(options.seed + 1000 * lives).bytes },
        log: (event: CollectorEvent) => void events.push(event),
      }
      collector = openCollector(env, { ...defaultSettings, ...settings })
      return collector
    },
  }
}

type Lives = ReturnType<typeof createLives>

/** Compares what is kept with the loads, half-hour by half-hour, up to `untilMs`. */
function compareAll({ store, key, collector }: Lives, meters: readonly RehearsedMeter[], untilMs: number) {
  const found = { same: 0, wrong: 0, missing: [] as { agreement: Agreement; startMs: number }[] }
  for (const { row, startMs, endMs } of collector()?.works() ?? []) {
    const { agreement } = row
    const meter = meters.find(({ eui }) => eui === agreement.device)
    if (meter === undefined) throw new Error(`no meter ${agreement.device}`)
    const expected = loadOf(meter)
    const days = new Map([...openDays(store, { key }, agreement.mpan)].map(({ day, kept }) => [day, kept.wh]))
    for (let atMs = startMs; atMs < Math.min(endMs, untilMs); atMs += halfHourMs) {
      const { day, index } = placeOf(atMs)
      const wh = days.get(day)?.[index] ?? null
      if (wh === null) found.missing.push({ agreement, startMs: atMs })
      else if (wh === (expected(atMs / halfHourMs, agreement.direction === 'import' ? 0 : 1) ?? 0)) found.same += 1
      else found.wrong += 1
    }
  }
  return found
}

export async function createMonth(options: MonthOptions) {
  /** RequestIDs of responses with I0 that were taken. */
  const delivered = new Set<string>()
  const lives = createLives(options, () => side)
  let change = (xml: string) => xml
  const side: Side = await createSide(options, async (xml) => {
    const collector = lives.collector()
    const { alive, death } = lives.mortal()
    if (collector === undefined || !alive()) throw new Error('nobody listens')
    const kept = await Promise.race([collector.receive(Buffer.from(change(xml))), death])
    if (kept === undefined) throw new Error('killed')
    const requestId = /<sr:RequestID>([^<]*)</.exec(xml)?.[1]
    if (requestId !== undefined && xml.includes('<sr:ResponseCode>I0<')) delivered.add(requestId)
    return kept ? 204 : 503
  })
  const { clock, meters, scenario, bridge, pki, isSilentFrom } = side
  return {
    ...{ clock, meters, bridge, delivered, isSilentFrom },
    ...lives,
    agreements: () => portfolioOf(scenario, meters, options.start),
    isLeaving: (meter: RehearsedMeter) => isOf(meter, ['leaving']),
    /** Changes what the collector is sent. */
    onTheWay(how: (xml: string) => string) {
      change = how
    },
    isAlive: () => lives.mortal().alive(),
    works: () => lives.collector()?.works() ?? [],
    compare: (untilMs: number) => compareAll(lives, meters, untilMs),
    /** Lets time pass up to an instant; the collector ticks every ten minutes, and `each` is called then. */
    async until(atMs: number, each: () => Promise<void> | void = () => {}) {
      while (clock.nowMs() < atMs) {
        const { alive, death } = lives.mortal()
        const collector = lives.collector()
        if (collector !== undefined && alive()) await clock.run(Promise.race([collector.tick(), death]))
        await clock.pass(10 * 60_000)
        await each()
      }
    },
    async close() {
      await clock.run(bridge.stop())
      pki.remove()
    },
  }
}

export type Month = Awaited<ReturnType<typeof createMonth>>
