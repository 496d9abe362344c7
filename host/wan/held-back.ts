// Lines that are free and wait for a limit beside their own. Each operation costs the logarithm of their number, however many
// lines there are.

import TinyQueue from 'tinyqueue'
import type { Timing } from './timing.ts'
import { isBefore, type Place } from './waiting-requests.ts'
import type { WanPlace } from './wan-place.ts'
import { nameOf } from './wan-place.ts'

/** A line, and the request that was first on it when it was held. */
interface HeldLine {
  line: string
  first: Place
}

/** Lines that are held back by the limits of one place. */
interface HeldLines {
  place: WanPlace
  lines: TinyQueue<HeldLine>
}

/** The lines that are free and that a limit holds back, by place, the most urgent first; and one timer for all of them. */
export function createHeldBack(
  timing: Timing,
  openAtMs: (place: WanPlace) => number,
  startNext: (line: string) => void,
) {
  const places = new Map<string, HeldLines>()
  /** What was held last of each line, by place and line. */
  const held = new Map<string, Place>()
  let timer: { cancel(): void; atMs: number } | undefined
  let looking = false

  function wakeAt(atMs: number): void {
    if (!Number.isFinite(atMs) || (timer !== undefined && timer.atMs <= atMs)) return
    timer?.cancel()
    timer = { ...timing.after(Math.max(0, atMs - timing.steadyMs()), lookNow), atMs }
  }

  function lookNow(): void {
    timer = undefined
    look()
  }

  /** Takes the most urgent line that the limits allow now. */
  function takeNext(): HeldLine | undefined {
    const nowMs = timing.steadyMs()
    for (const [name, { lines }] of places) if (lines.length === 0) places.delete(name)
    const [from] = [...places.values()]
      .flatMap(({ place, lines }) => {
        const head = openAtMs(place) <= nowMs ? lines.peek() : undefined
        return head === undefined ? [] : { place, lines, head }
      })
      .sort((a, b) => isBefore(a.head.first, b.head.first))
    const next = from?.lines.pop()
    if (from === undefined || next === undefined) return undefined
    const key = `${nameOf(from.place)}\n${next.line}`
    if (held.get(key) === next.first) held.delete(key)
    return next
  }

  /** Starts what the limits allow now, the most urgent first. */
  function look(): void {
    if (looking) return
    looking = true
    for (let next = takeNext(); next !== undefined; next = takeNext()) startNext(next.line)
    looking = false
    for (const { place } of places.values()) wakeAt(openAtMs(place))
  }

  return {
    look,
    /** Holds a line back until its place has its turn. */
    hold(line: string, place: WanPlace, first: Place): void {
      const name = nameOf(place)
      const key = `${name}\n${line}`
      if (held.get(key) === first) return
      held.set(key, first)
      const found = places.get(name) ?? {
        place,
        lines: new TinyQueue<HeldLine>([], (a, b) => isBefore(a.first, b.first)),
      }
      places.set(name, found)
      found.lines.push({ line, first })
      wakeAt(openAtMs(place))
    },
  }
}
