// Which page is whose (DESIGN.md, "Flash map"). Pages are counted from the start of the meter's area.

import { halfHoursPerDay } from '../protocol/limits.ts'
import { pageHeaderBytes } from './flash-pages.ts'

/** Bytes of a page on every board of today; the erase unit of a board may be smaller. */
export const pageBytes = 4096

/** Pages of a meter that keeps all that SMETS1 asks for. */
export const flashPagesFull = 25

/** Fewer do not hold the logs at all: 11 fixed pages, and two for each ring of day blocks. */
export const flashPagesMin = 15

/** First pages, and pages of what varies. Settings, journal, events and billing have two each, daily reads three. */
export interface FlashMap {
  settings: number
  journal: number
  events: number
  billing: number
  dailyReads: number
  /** Day blocks of active export, reactive import and reactive export. */
  others: number
  othersPages: number
  /** Day blocks of active import. */
  imports: number
  importPages: number
}

export const dailyReadPages = 3

/**
 * The map of a flash with so many pages. What a smaller board lacks is history: the rings of day blocks share what is
 * left, 6 parts to 8, and more than the full number goes to active import.
 * @throws RangeError below 15 pages
 */
export function flashMapOf(pages: number): FlashMap {
  if (pages < flashPagesMin) throw new RangeError(flashPagesMin + ' pages of flash at least')
  const left = pages - 11
  const othersPages = Math.min(6, Math.max(2, Math.floor((left * 6) / 14)))
  return {
    settings: 0,
    journal: 2,
    events: 4,
    billing: 6,
    dailyReads: 8,
    others: 11,
    othersPages: othersPages,
    imports: 11 + othersPages,
    importPages: left - othersPages,
  }
}

/** Bytes of a day block that capacities are stated for, its padding included. A household's take 60 to 64. */
const blockBytes = 68

/** Whole days that a ring of so many pages keeps for certain, of so many channels, at 68 bytes a block. */
export function daysIn(pages: number, channels: number): number {
  return Math.floor(((pages - 1) * Math.floor((pageBytes - pageHeaderBytes) / blockBytes)) / channels)
}

/** Half-hours of the profile data log that a flash of so many pages keeps: of active import, and of each other channel. */
export function historyOf(pages: number): { importHalfHours: number; otherHalfHours: number } {
  const map = flashMapOf(pages)
  return {
    importHalfHours: daysIn(map.importPages, 1) * halfHoursPerDay,
    otherHalfHours: daysIn(map.othersPages, 3) * halfHoursPerDay,
  }
}
