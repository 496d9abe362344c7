// A stream of registration messages as bad as real ones: for rehearsals of whoever takes them.
//
// What goes wrong is what has gone wrong: a month that is missing and sent later in one go, notices generated again with new
// ids and times, corrections before what they correct, messages after their first day has begun, and such as are refused.

import { dayMs } from '../../protocol/half-hour.ts'
import { settlementDayOf } from '../access/settlement-day.ts'
import type { RegistrationMessage } from './message.ts'

export interface SimulatedFeed {
  seed: number
  months: number
  perDay: number
  /** Import MPANs that change hands. */
  mpans: readonly string[]
  startMs: number
}

export interface FeedDay {
  /** `2026-12-01` */
  day: string
  messages: RegistrationMessage[]
}

/** Shares of the messages. Assumption: no source says how often each goes wrong. */
const shares = { late: 0.02, corrected: 0.05, cancelled: 0.03, generatedAgain: 0.04, refused: 0.01, outOfOrder: 0.5 }
const daysPerMonth = 30
const mpids = ['MDRA', 'MDRB', 'MDRC', 'MDRD'] as const

/** Numbers from 0 to 1, the same for the same seed (mulberry32). */
function createRandom(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 0x1_0000_0000
  }
}

export function simulateFeed({ seed, months, perDay, mpans, startMs }: SimulatedFeed): FeedDay[] {
  const random = createRandom(seed)
  const chance = (share: number) => random() < share
  const pick = <Item>(list: readonly Item[]): Item | undefined => list[Math.floor(random() * list.length)]
  const count = months * daysPerMonth
  const byDay: RegistrationMessage[][] = Array.from({ length: count }, () => [])
  const missing = months > 1 ? 1 + Math.floor(random() * (months - 1)) : 0
  let number = 0

  function send(index: number, message: Omit<RegistrationMessage, 'eventId' | 'eventDate'>): void {
    number += 1
    // A month is missing, and comes at its end in one go.
    const month = Math.floor(index / daysPerMonth)
    const isMissing = months > 1 && month === missing
    const at = Math.min(count - 1, isMissing ? (month + 1) * daysPerMonth - 1 : index)
    const eventDate = new Date(startMs + at * dayMs + Math.floor(random() * 3_600_000)).toISOString()
    byDay[at]?.push({ eventId: `sim-${seed}-${number}`, eventDate, ...message })
  }

  for (let index = 0; index < count; index++) {
    for (let n = 0; n < perDay; n++) {
      const isLate = chance(shares.late)
      const ahead = isLate ? -1 - Math.floor(random() * 4) : 1 + Math.floor(random() * 27)
      const isRefused = chance(shares.refused)
      const from = settlementDayOf(startMs + (index + (isRefused ? 60 : ahead)) * dayMs)
      const registrationId = `reg-${seed}-${index}-${n}`
      const appointment = (effectiveFromDate: string) => ({
        mpxn: pick(mpans) ?? '',
        marketRole: 'MDR' as const,
        mpid: pick(mpids) ?? 'MDRA',
        effectiveFromDate,
      })
      const first = appointment(from)
      const version = (at: number, eventStatus: RegistrationMessage['eventStatus'], appointments = [first]) => ({
        eventType: 'SecuredActive' as const,
        eventStatus,
        version: at,
        data: { registrationId, appointments },
      })
      const messages = [version(1, 'New')]
      if (chance(shares.corrected)) messages.push(version(2, 'Corrected', [{ ...first, mpid: pick(mpids) ?? 'MDRA' }]))
      else if (chance(shares.cancelled)) messages.push(version(2, 'Cancelled', []))
      if (messages.length > 1 && chance(shares.outOfOrder)) messages.reverse()
      if (chance(shares.generatedAgain)) messages.push(...messages)
      for (const message of messages) send(index, message)
    }
  }
  return byDay.map((messages, index) => ({ day: settlementDayOf(startMs + index * dayMs), messages }))
}
