// The meters of a rehearsal. Shares are allotted, not drawn: every share is kept to within one meter, also within the
// parts that earlier shares made, so that a small population has the proportions of a large one.

import { mpanOf } from '../../host/access/mpan.ts'
import { createRandom } from '../random.ts'
import type { Consent, Population, Scenario, Shares } from './scenario.ts'

export interface RehearsedMeter {
  /** From 0; the same in every process that rehearses a part of the population. */
  index: number
  eui: string
  importMpan: string
  exportMpan: string | undefined
  cohort: string
  csp: string
  consent: Consent
  group: string | undefined
  load: string
  reachable: boolean
}

/** EUI-64 of a meter, from its index. */
export function euiOfMeter(index: number): string {
  const hex = (index + 0x100_0000).toString(16).padStart(8, '0').toUpperCase()
  return `00-DB-12-34-${hex.slice(0, 2)}-${hex.slice(2, 4)}-${hex.slice(4, 6)}-${hex.slice(6)}`
}

/** Index of a meter of a rehearsal, from its EUI-64. */
export function indexOfMeter(eui: string): number {
  return Number.parseInt(eui.slice(12).replaceAll('-', ''), 16) - 0x100_0000
}

/**
 * Deals the names out over `count` places in their shares: at every place the name goes that is furthest behind. Any run
 * of places next to each other has each share to within one or two.
 */
export function allot(shares: Shares, count: number): string[] {
  const names = Object.keys(shares)
  const given = new Float64Array(names.length)
  return Array.from({ length: count }, (_, place) => {
    let best = 0
    let most = Number.NEGATIVE_INFINITY
    names.forEach((name, i) => {
      const behind = (shares[name] ?? 0) * (place + 1) - (given[i] ?? 0)
      if (behind > most + 1e-9) {
        most = behind
        best = i
      }
    })
    given[best] = (given[best] ?? 0) + 1
    return names[best] ?? ''
  })
}

type Cell = { group: string; exports: string; consent: string; cohort: string; reachable: string; load: string }

/** Cells of the population in an order in which each attribute divides the parts that those before it made. */
function cellsOf(population: Population): Cell[] {
  const { meters, cohorts, exportTakeUp, consent, unreachable, loads, groups } = population
  const cohortShares = Object.fromEntries(Object.entries(cohorts).map(([name, { share }]) => [name, share]))
  const attributes: readonly (readonly [keyof Cell, Shares])[] = [
    ['group', Object.keys(groups).length === 0 ? { '': 1 } : groups],
    ['exports', { no: 1 - exportTakeUp, yes: exportTakeUp }],
    ['consent', consent],
    ['cohort', cohortShares],
    ['reachable', { yes: 1 - unreachable, no: unreachable }],
    ['load', loads],
  ]
  let cells: Cell[] = Array.from({ length: meters }, () => ({
    group: '',
    exports: '',
    consent: '',
    cohort: '',
    reachable: '',
    load: '',
  }))
  for (const [name, shares] of attributes) {
    allot(shares, meters).forEach((value, place) => {
      cells[place]![name] = value
    })
    // Stable: what was next to each other stays so within each value.
    const rank = new Map(Object.keys(shares).map((value, i) => [value, i]))
    const parts: Cell[][] = [...rank].map(() => [])
    for (const cell of cells) parts[rank.get(cell[name]) ?? 0]?.push(cell)
    cells = parts.flat()
  }
  return cells
}

/** Places in an order that the seed decides, so that meters with neighbouring EUI-64s have nothing in common. */
function shuffled(count: number, seed: number): Uint32Array {
  const places = Uint32Array.from({ length: count }, (_, i) => i)
  const random = createRandom(seed)
  for (let i = count - 1; i > 0; i--) {
    const j = random.below(i + 1)
    const kept = places[i]!
    places[i] = places[j]!
    places[j] = kept
  }
  return places
}

/** All meters of a scenario. Those of a log of arrivals export when the log asks them for export. */
export function createPopulation({
  population,
  seed,
  arrivals,
}: Pick<Scenario, 'population' | 'seed' | 'arrivals'>): RehearsedMeter[] {
  const exporting = new Set(arrivals?.exporting)
  const cells = cellsOf(population)
  const places = shuffled(population.meters, seed)
  return Array.from(places, (place, index): RehearsedMeter => {
    const { group, exports, consent, cohort, reachable, load } = cells[place]!
    const digits = `${index}`.padStart(11, '0')
    return {
      index,
      eui: euiOfMeter(index),
      importMpan: mpanOf(`1${digits}`),
      exportMpan: exports === 'yes' || exporting.has(index) ? mpanOf(`2${digits}`) : undefined,
      cohort,
      csp: population.cohorts[cohort]?.csp ?? '',
      consent: consent as Consent,
      group: group === '' ? undefined : group,
      load,
      reachable: reachable === 'yes',
    }
  })
}

/** Whether all of these names apply to a meter: of its cohort, group, level of consent, or `export`. */
export function isOf(meter: RehearsedMeter, tags: readonly string[]): boolean {
  return tags.every(
    (tag) =>
      tag === meter.cohort ||
      tag === meter.group ||
      tag === meter.consent ||
      (tag === 'export' && meter.exportMpan !== undefined),
  )
}

/** The share of these meters that comes first when they are spread evenly: which of `count` places are taken. */
export function isInShare(place: number, share: number): boolean {
  return Math.floor((place + 1) * share + 1e-9) > Math.floor(place * share + 1e-9)
}
