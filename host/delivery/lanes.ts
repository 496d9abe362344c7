// The order in which responses are sent: of each URL what is due first, the URLs in turn, so that one that is slow or
// down holds up no other.

import TinyQueue from 'tinyqueue'

/** What is in a queue has its place itself: half a million of them wait without an object more for each. */
export interface Queued {
  /** When it is to be sent, by `Timing.steadyMs`. */
  dueMs: number
  /** Of two that are due at the same time, the one that was added first. */
  order: number
}

interface Lane<Item> {
  queue: TinyQueue<Item>
  /** How many are being sent. */
  busy: number
}

export interface Lanes<Item extends Queued> {
  /** An item is in one queue at a time, and only this function changes its place. */
  add(url: string, item: Item, dueMs: number): void
  /** The next item that is due and wanted, of a URL that takes another one. Call `done` with its URL afterwards. */
  next(nowMs: number): { url: string; item: Item } | undefined
  done(url: string): void
  /** When the next item is due, of the URLs that take another one; undefined when there is none. */
  dueMs(): number | undefined
  /** Makes an item due now. */
  makeDue(item: Item, nowMs: number): void
}

function isBefore(a: Queued, b: Queued): number {
  return a.dueMs - b.dueMs || a.order - b.order
}

/** Places that each URL has for itself, whatever the others do. What it sends beyond them counts as shared. */
const ownPlaces = 8

/** Shared places of all URLs: those that hang may take all of them. */
const sharedPlacesMax = 512

/** @param atOnceMax how many a URL takes at once. @param isWanted false for items that have been removed */
export function createLanes<Item extends Queued>(
  atOnceMax: (url: string) => number,
  isWanted: (item: Item) => boolean,
): Lanes<Item> {
  const lanes = new Map<string, Lane<Item>>()
  let order = 0
  /** Shared places in use. */
  let shared = 0

  function takesAnother(url: string, { busy }: Lane<Item>): boolean {
    return busy < atOnceMax(url) && (busy < ownPlaces || shared < sharedPlacesMax)
  }

  function first({ queue }: Lane<Item>): Item | undefined {
    for (let item = queue.peek(); item !== undefined; item = queue.peek()) {
      if (isWanted(item)) return item
      queue.pop()
    }
    return undefined
  }

  return {
    add(url, item, dueMs) {
      const lane = lanes.get(url) ?? { queue: new TinyQueue<Item>([], isBefore), busy: 0 }
      lanes.set(url, lane)
      order += 1
      item.dueMs = dueMs
      item.order = order
      lane.queue.push(item)
    },
    next(nowMs) {
      for (const [url, lane] of lanes) {
        if (!takesAnother(url, lane)) continue
        const item = first(lane)
        if (item === undefined || item.dueMs > nowMs) continue
        lane.queue.pop()
        lanes.delete(url)
        lanes.set(url, lane)
        lane.busy += 1
        if (lane.busy > ownPlaces) shared += 1
        return { url, item }
      }
      return undefined
    },
    done(url) {
      const lane = lanes.get(url)
      if (lane === undefined) return
      if (lane.busy > ownPlaces) shared -= 1
      lane.busy -= 1
      if (lane.busy === 0 && first(lane) === undefined) lanes.delete(url)
    },
    dueMs() {
      let earliest: number | undefined
      for (const [url, lane] of lanes) {
        if (!takesAnother(url, lane)) continue
        const due = first(lane)?.dueMs
        if (due !== undefined && (earliest === undefined || due < earliest)) earliest = due
      }
      return earliest
    },
    makeDue(item, nowMs) {
      for (const lane of lanes.values()) {
        if (!lane.queue.data.includes(item)) continue
        const { data } = lane.queue
        item.dueMs = nowMs
        lane.queue = new TinyQueue(data, isBefore)
      }
    },
  }
}
