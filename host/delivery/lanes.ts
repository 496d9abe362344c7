// The order in which responses are sent: of each URL what is due first, the URLs in turn, so that one that is slow or
// down holds up no other.

import TinyQueue from 'tinyqueue'

interface Due<Item> {
  dueMs: number
  /** Of two that are due at the same time, the one that was added first. */
  order: number
  item: Item
}

interface Lane<Item> {
  queue: TinyQueue<Due<Item>>
  /** How many are being sent. */
  busy: number
}

export interface Lanes<Item> {
  add(url: string, item: Item, dueMs: number): void
  /** The next item that is due and wanted, of a URL that takes another one. Call `done` with its URL afterwards. */
  next(nowMs: number): { url: string; item: Item } | undefined
  done(url: string): void
  /** When the next item is due, of the URLs that take another one; undefined when there is none. */
  dueMs(): number | undefined
  /** Makes everything due now that `which` selects. */
  makeDue(which: (item: Item) => boolean, nowMs: number): void
}

/** @param atOnceMax how many a URL takes at once. @param isWanted false for items that have been removed */
export function createLanes<Item>(atOnceMax: (url: string) => number, isWanted: (item: Item) => boolean): Lanes<Item> {
  const lanes = new Map<string, Lane<Item>>()
  const compare = (a: Due<Item>, b: Due<Item>) => a.dueMs - b.dueMs || a.order - b.order
  let order = 0

  function first({ queue }: Lane<Item>): Due<Item> | undefined {
    for (let due = queue.peek(); due !== undefined; due = queue.peek()) {
      if (isWanted(due.item)) return due
      queue.pop()
    }
    return undefined
  }

  return {
    add(url, item, dueMs) {
      const lane = lanes.get(url) ?? { queue: new TinyQueue<Due<Item>>([], compare), busy: 0 }
      lanes.set(url, lane)
      order += 1
      lane.queue.push({ dueMs, order, item })
    },
    next(nowMs) {
      for (const [url, lane] of lanes) {
        if (lane.busy >= atOnceMax(url)) continue
        const due = first(lane)
        if (due === undefined || due.dueMs > nowMs) continue
        lane.queue.pop()
        lanes.delete(url)
        lanes.set(url, lane)
        lane.busy += 1
        return { url, item: due.item }
      }
      return undefined
    },
    done(url) {
      const lane = lanes.get(url)
      if (lane === undefined) return
      lane.busy -= 1
      if (lane.busy === 0 && first(lane) === undefined) lanes.delete(url)
    },
    dueMs() {
      let earliest: number | undefined
      for (const [url, lane] of lanes) {
        if (lane.busy >= atOnceMax(url)) continue
        const due = first(lane)?.dueMs
        if (due !== undefined && (earliest === undefined || due < earliest)) earliest = due
      }
      return earliest
    },
    makeDue(which, nowMs) {
      for (const lane of lanes.values()) {
        const items = lane.queue.data.map((due) => (which(due.item) ? { ...due, dueMs: nowMs } : due))
        lane.queue = new TinyQueue(items, compare)
      }
    },
  }
}
