// What the parts of a scenario say about each other: names, shares, dates, and settings of the bridge.

import { isDate, settlementDayBounds } from '../../host/access/settlement-day.ts'
import { srvRow } from '../../host/catalogue/srv-table.ts'
import { type BridgeConfig, readConfig } from '../../host/config/config.ts'
import { readScheduleSettings, unknownNames } from '../../host/schedule/settings.ts'
import { unknownWanNames } from '../../host/wan/wan-settings.ts'
import { dayMs } from '../../protocol/half-hour.ts'
import { scaledDco, scaledWan } from './scaled-models.ts'
import { type Ask, consents, type Population, rolesOfParty, type Scenario, type Shares } from './scenario.ts'

/** How much of a scenario's rates these meters have, when they are rehearsed in parts. */
export const rateShare = ({ population, ratedMeters }: Scenario, parts: number) =>
  population.meters / ratedMeters / parts

/** The settings of a scenario's bridge, for one of several parts. @throws Error with what is wrong */
export function bridgeConfigOf(scenario: Scenario, parts = 1): BridgeConfig {
  const { schedule, ...settings } = scenario.bridge
  const read = readScheduleSettings({ underWayMax: 1024, ...schedule })
  if (!read.ok) throw new Error(`schedule: ${read.detail}`)
  const rates: { [name: string]: number } = {}
  for (const [name, { rate }] of Object.entries(scenario.population.cohorts)) rates[name] = rate
  Object.assign(rates, read.settings.cohortRates)
  const share = rateShare(scenario, parts)
  const cohortRates = Object.fromEntries(Object.entries(rates).map(([name, rate]) => [name, rate * share]))
  return {
    ...readConfig('', {}, settings),
    schedule: { ...read.settings, cohortRates },
    wan: scaledWan(scenario.wan, share),
    dco: scaledDco(scenario.dco, share),
  }
}

type Note = (problem: string) => void

/** What the meters may be called in an ask. */
function tagsOf({ cohorts, groups }: Population): string[] {
  return [...Object.keys(cohorts), ...Object.keys(groups), ...consents, 'export']
}

function checkPopulation(population: Population, note: Note): void {
  const whole = (place: string, shares: Shares) => {
    const total = Object.values(shares).reduce((sum, share) => sum + share, 0)
    if (Math.abs(total - 1) > 1e-9) {
      note(`population.${place}: the shares sum up to ${Number((total * 100).toFixed(4))} %, not 100 %`)
    }
  }
  const cohorts = Object.entries(population.cohorts).map(([name, { share }]) => [name, share])
  whole('cohorts', Object.fromEntries(cohorts))
  whole('consent', population.consent)
  whole('loads', population.loads)
  if (Object.keys(population.groups).length > 0) whole('groups', population.groups)
  const tags = tagsOf(population)
  const twice = tags.find((tag, i) => tags.indexOf(tag) !== i)
  if (twice !== undefined) note(`population: "${twice}" names two things; rename one`)
}

function checkAsk(ask: Ask, place: string, { days, population }: Scenario, note: Note): void {
  checkTags(ask.of, `${place}.of`, population, note)
  if (ask.srv === 'undefined') note(`${place}: it needs "srv" or "set: settlement"`)
  if (ask.srv === '4.1.1' && ask.as === 'schedule') note(`${place}: 4.1.1 cannot be scheduled (table 2)`)
  if (ask.as === 'schedule' && ask.every === 'once') note(`${place}: a schedule is for every day or month`)
  if (ask.every === 'once' && ask.onDay >= days)
    note(`${place}: day ${ask.onDay} is after the end of the rehearsal; its ${days} days count from 0`)
  if (typeof ask.period === 'object' && 'toMs' in ask.period && ask.period.toMs <= ask.period.fromMs)
    note(`${place}.period: it does not end after it begins`)
  if (ask.withinMs > dayMs) note(`${place}.within: at most a day`)
}

function checkTags(of: readonly string[], place: string, population: Population, note: Note): void {
  const tags = tagsOf(population)
  const unknown = of.find((tag) => !tags.includes(tag))
  if (unknown !== undefined) note(`${place}: no meters are called "${unknown}"; there are ${tags.join(', ')}`)
}

function checkParties(scenario: Scenario, note: Note): void {
  const { parties } = scenario
  const names = parties.map(({ name }) => name)
  parties.forEach((party, i) => {
    const place = `parties[${i}] (${party.name})`
    if (names.indexOf(party.name) !== i) note(`${place}: another party has this name`)
    const owner = parties.find(({ name }) => name === party.userOf)
    if (party.userOf !== undefined && (owner === undefined || owner.role !== party.role || owner.userOf !== undefined))
      note(`${place}.userOf: no other ${party.role} of its own is called "${party.userOf}"`)
    if (party.forSettlement && party.role !== 'MDR' && party.role !== 'supplier')
      note(`${place}: only suppliers and MDRs ask for settlement (table 6 of the impact assessment)`)
    party.asks.forEach((ask, j) => {
      const row = srvRow(ask.srv)
      const roles = rolesOfParty[party.role]
      if (row !== undefined && !row.roles.some((role) => roles.includes(role)))
        note(`${place}.asks[${j}]: ${party.role} is a role that may not send ${ask.srv}; ${row.roles.join(', ')} may`)
      checkAsk(ask, `${place}.asks[${j}]`, scenario, note)
    })
  })
}

/** Changes and faults that begin when the rehearsal is over: nobody would see that they did nothing. */
function checkBegins({ start, days, changes, faults }: Scenario, note: Note): void {
  if (!isDate(start)) return
  const endMs = Date.parse(start) + days * dayMs
  changes.forEach(({ on }, i) => {
    if (isDate(on) && settlementDayBounds(on).startMs >= endMs)
      note(`changes[${i}].on: ${on} begins after the end of the rehearsal; it has ${days} days from ${start}`)
  })
  faults.forEach(({ fromMs }, i) => {
    if (fromMs >= days * dayMs)
      note(`faults[${i}].from: it begins after the end of the rehearsal, which has ${days} days`)
  })
}

/** What is wrong in a scenario, each with its place. */
export function scenarioProblems(scenario: Scenario): string[] {
  const problems: string[] = []
  const note = (problem: string) => void problems.push(problem)
  const { population, parties, changes, faults } = scenario
  checkPopulation(population, note)
  if (!isDate(scenario.start)) note(`start: ${scenario.start} is no date`)
  checkParties(scenario, note)
  checkBegins(scenario, note)
  changes.forEach((change, i) => {
    const party = parties.find(({ name }) => name === change.to)
    checkTags(change.of, `changes[${i}].of`, population, note)
    if (!isDate(change.on)) note(`changes[${i}].on: ${change.on} is no date`)
    if (party?.role !== change.role) note(`changes[${i}].to: no ${change.role} is called "${change.to}"`)
  })
  const unknown = new Set(scenario.arrivals?.requests.map(({ party }) => party))
  for (const { name } of parties) unknown.delete(name)
  if (unknown.size > 0)
    note(
      `${scenario.arrivals?.path}: the scenario has no party called ${[...unknown].slice(0, 5).join(', ')}; it has ` +
        `${parties.map(({ name }) => name).join(', ')}`,
    )
  faults.forEach((fault, i) => {
    checkTags(fault.of, `faults[${i}].of`, population, note)
    if (fault.kind === 'callback' && !parties.some(({ name }) => name === fault.party))
      note(`faults[${i}].party: no party is called "${fault.party ?? ''}"`)
  })
  try {
    const { schedule } = bridgeConfigOf(scenario)
    const placed = Object.entries(population.cohorts).map(([cohort, { csp }]) => ({ cohort, csp, s1sp: cohort }))
    problems.push(...unknownNames(schedule, placed))
    if (scenario.wan !== undefined) problems.push(...unknownWanNames(scenario.wan, placed))
  } catch (error) {
    note(`bridge: ${(error as Error).message}`)
  }
  return problems
}
