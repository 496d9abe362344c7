// Reads a scenario: YAML or JSON, checked by its schema, then what its parts say about each other.

import { parse as parseYaml } from 'yaml'
import { readDcoSettings } from '../../host/dco/dco-settings.ts'
import { CommandError, exitCode } from '../../host/state/errors.ts'
import { schemaCheck } from '../../host/state/json-schema.ts'
import { readWanSettings } from '../../host/wan/wan-settings.ts'
import { dayMs } from '../../protocol/half-hour.ts'
import { durationMs } from '../instants.ts'
import { readArrivals } from './arrivals.ts'
import { neverDraining } from './feasibility.ts'
import type { Ask, AskedPeriod, Change, Cohort, Fault, Party, Population, Scenario, Shares } from './scenario.ts'
import { scenarioProblems } from './scenario-problems.ts'
import { scenarioSchema } from './scenario-schema.ts'
import type { AskText, CohortText, FaultText, PartyText, ScenarioText, ShareText } from './scenario-text.ts'
import { settlementAsks } from './settlement-asks.ts'

/** Largest scenario file, bytes, and most aliases that it may resolve. */
export const scenarioBytesMax = 256 * 1024
const aliasesMax = 100

const defaultCohort: Omit<Cohort, 'share'> = { csp: 'CSP', rate: 0 }

const shareOf = (text: ShareText) => (typeof text === 'number' ? text : Number(text.replace('%', '')) / 100)

function sharesOf(given: { [name: string]: ShareText } | undefined, fallback: Shares): Shares {
  if (given === undefined) return fallback
  return Object.fromEntries(Object.entries(given).map(([name, share]) => [name, shareOf(share)]))
}

function cohortsOf(given: { [name: string]: CohortText } | undefined): Population['cohorts'] {
  const cohorts = given ?? { SMETS1: { share: 1 } }
  return Object.fromEntries(
    Object.entries(cohorts).map(([name, { share, ...rest }]) => [
      name,
      { ...defaultCohort, ...rest, share: shareOf(share) },
    ]),
  )
}

function timeOfDayMs(text: string | undefined): number | undefined {
  if (text === undefined) return undefined
  const [hours = 0, minutes = 0] = text.split(':').map(Number)
  return (hours * 60 + minutes) * 60_000
}

function periodOf(text = 'utc-day'): AskedPeriod {
  if (text === 'utc-day' || text === 'settlement-day') return text
  const [from, to] = text.split('-')
  if (to === undefined) return { days: Number.parseInt(text, 10) }
  return { fromMs: timeOfDayMs(from) ?? 0, toMs: timeOfDayMs(to) ?? 0 }
}

function asksOf(text: AskText, party: PartyText): Ask[] {
  if (text.set === 'settlement') return settlementAsks(text).flatMap((one) => asksOf(one, party))
  const srv = String(text.srv)
  const as = text.as ?? (srv === '4.1.1' || srv === '4.2' ? 'on-demand' : 'schedule')
  return [
    {
      srv,
      of: text.of ?? [],
      every: text.every ?? 'day',
      as,
      onDay: text.onDay ?? 0,
      atMs: timeOfDayMs(text.at) ?? (as === 'schedule' ? undefined : 0),
      withinMs: text.within === undefined ? dayMs / 4 : durationMs(text.within, 'within'),
      period: periodOf(text.period),
    },
  ]
}

function partyOf(text: PartyText): Party {
  const { name, role, userOf, forSettlement = role === 'MDR', askAgain } = text
  return {
    name,
    role,
    userOf,
    forSettlement,
    askAgain: { times: askAgain?.times ?? 0, afterMs: durationMs(askAgain?.after ?? '1h', 'askAgain.after') },
    asks: (text.asks ?? []).flatMap((one) => asksOf(one, text)),
  }
}

function faultOf(text: FaultText): Fault {
  const fromMs = durationMs(text.from, 'from')
  return {
    kind: text.kind,
    fromMs,
    toMs: fromMs + durationMs(text.for, 'for'),
    of: text.of ?? [],
    share: shareOf(text.share ?? 1),
    party: text.party,
    failureBytes: text.failureBytes ?? 0,
  }
}

/** What a model's settings are. @throws CommandError */
function modelOf<Settings>(
  read: { ok: true; settings: Settings } | { ok: false; detail: string },
  name: string,
): Settings {
  if (read.ok) return read.settings
  throw new CommandError(exitCode.usage, `${name}: ${read.detail}`)
}

/** The scenario of a text that its schema allows. */
function scenarioOf(text: ScenarioText, name: string): Scenario {
  const { population } = text
  const changes: Change[] = (text.changes ?? []).map((one) => ({ ...one, of: one.of ?? [] }))
  return {
    name: text.name ?? name,
    summary: text.summary ?? '',
    start: text.start ?? '2026-11-23',
    days: text.days ?? 1,
    seed: text.seed ?? 1,
    population: {
      meters: population.meters,
      cohorts: cohortsOf(population.cohorts),
      exportTakeUp: shareOf(population.export ?? 0),
      consent: sharesOf(population.consent, { 'half-hourly': 1 }),
      unreachable: shareOf(population.unreachable ?? 0),
      loads: sharesOf(population.loads, { household: 1 }),
      groups: sharesOf(population.groups, {}),
    },
    parties: text.parties.map(partyOf),
    changes,
    scheduled: shareOf(text.scheduled ?? 1),
    bridge: text.bridge ?? {},
    wan: modelOf(readWanSettings(text.wan), 'wan'),
    dco: modelOf(readDcoSettings(text.dco), 'dco'),
    faults: (text.faults ?? []).map(faultOf),
    timetable: text.timetable ?? 'assessment',
    arrivals: undefined,
    ratedMeters: population.meters,
  }
}

const checkSchema = schemaCheck(scenarioSchema(), 20)

/** The value of a scenario file, YAML or JSON. @throws CommandError */
export function parseScenarioFile(text: string, path: string): unknown {
  const wrong = (problem: string) => new CommandError(exitCode.usage, `${path}: ${problem}`)
  if (text.length > scenarioBytesMax) throw wrong(`larger than ${scenarioBytesMax} bytes`)
  try {
    return parseYaml(text, { maxAliasCount: aliasesMax })
  } catch (error) {
    throw wrong(`neither YAML nor JSON: ${(error as Error).message.split('\n')[0]}`)
  }
}

/** Whether the schema of scenario files allows a value. `problems` gets what it does not allow, each with its place. */
function isScenarioText(value: unknown, problems: string[]): value is ScenarioText {
  problems.push(...checkSchema(value))
  return problems.length === 0
}

function unreadable(path: string): string {
  throw new CommandError(exitCode.usage, `${path} cannot be read from here`)
}

/** A scenario with its log of arrivals: as many days as the log has, and its meters. @throws CommandError */
function withArrivals(text: ScenarioText, path: string, readText: (path: string) => string): Scenario {
  const { arrivals: file } = text
  if (file === undefined) return scenarioOf(text, path)
  const arrivals = readArrivals(readText(file), file)
  const { population } = text
  const meters = Math.max(population.meters, arrivals.meters)
  const scenario = scenarioOf({ ...text, population: { ...population, meters } }, path)
  return { ...scenario, days: text.days ?? arrivals.days, arrivals }
}

/** A value of a scenario file as a scenario. `readText` reads a file that it names. @throws CommandError that names every problem with its place */
export function readScenario(value: unknown, path: string, readText: (path: string) => string = unreadable): Scenario {
  const problems: string[] = []
  const wrong = () => new CommandError(exitCode.usage, `${path}:\n  ${problems.join('\n  ')}`)
  if (!isScenarioText(value, problems)) throw wrong()
  const scenario = withArrivals(value, path, readText)
  problems.push(...scenarioProblems(scenario))
  if (problems.length === 0) problems.push(...neverDraining(scenario))
  if (problems.length > 0) throw wrong()
  return scenario
}
