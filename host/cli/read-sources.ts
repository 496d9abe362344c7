// Where the entries of a response came from, as the bridge explains it to a User's client (`provenanceText` of the bridge).

import { dayMs, halfHourMs } from '../../protocol/half-hour.ts'
import { type StampConvention, stampOf } from '../catalogue/read-window.ts'

/** `meter`, `cache`, `shared` (a read for another request); of two channels that differ `meter+cache`. By stamp. */
export type EntrySources = ReadonlyMap<number, string>

const words: { [letter: string]: string } = { m: 'meter', c: 'cache', s: 'shared', n: 'not recorded' }

/** The sources in an explanation; none when it has none. A line that was cut off ends early. */
export function readSources(explanation: string | undefined, stamps: StampConvention = 'end'): EntrySources {
  const found = new Map<string, Set<string>>()
  const list = /^sources: (.*)$/.exec(explanation ?? '')?.[1]
  for (const one of list?.split('; ') ?? []) {
    const [of, from = '', runs = ''] = one.split(' ')
    const startMs = Date.parse(from)
    if (Number.isNaN(startMs)) continue
    let index = 0
    for (const [, digits, letter = ''] of runs.matchAll(/(\d{1,5})([mcsn])/g)) {
      for (let left = Number(digits); left > 0; left--, index++) {
        const stampMs =
          of === 'daily-reads' ? startMs + index * dayMs : stampOf(Math.round(startMs / halfHourMs) + index, stamps)
        const at = String(stampMs)
        found.set(at, (found.get(at) ?? new Set()).add(words[letter] ?? letter))
      }
    }
  }
  return new Map([...found].map(([at, from]) => [Number(at), [...from].join('+')]))
}

/** `49 half-hours: 1 from the cache, 48 from the meter`; nothing when nothing is known. */
export function sourcesLine(sources: EntrySources): string {
  const counts = new Map<string, number>()
  for (const source of sources.values()) counts.set(source, (counts.get(source) ?? 0) + 1)
  return [...counts].map(([source, count]) => `${count} from ${phrase(source)}`).join(', ')
}

function phrase(source: string): string {
  if (source === 'shared') return 'a read under way for another request'
  return source === 'meter' || source === 'cache' ? `the ${source}` : source
}

/** Runs of entries of one source, for a table: `2026-11-21T00:00:00Z to … : meter`. */
export function sourceRuns(sources: EntrySources): string[] {
  const stamp = (atMs: number) => new Date(atMs).toISOString().replace('.000Z', 'Z')
  const runs: { from: number; to: number; count: number; source: string }[] = []
  for (const [at, source] of [...sources].sort(([a], [b]) => a - b)) {
    const last = runs.at(-1)
    if (last?.source === source) {
      last.to = at
      last.count += 1
    } else runs.push({ from: at, to: at, count: 1, source })
  }
  return runs.map(({ from, to, count, source }) => {
    const span = from === to ? stamp(from) : `${stamp(from)} to ${stamp(to)}`
    return `  ${span}: ${count} from ${phrase(source)}\n`
  })
}
