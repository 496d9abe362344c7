// Rules by which a bench does something wrong on purpose.

import { decimal, eui, instant, object, oneOf, text, type ValueOf, whole } from './shape.ts'

/** What goes wrong, and which members say more of it. */
export const faultEffects = {
  delay: 'the response is sent `ms` later',
  'after target time': 'the response is sent `ms` after the target response time (1,000 unless given)',
  refuse: 'the request is refused with `code` in its acknowledgement',
  fail: 'the request is accepted, and its final answer is `code`',
  'no answer': 'the response is lost on its way to the User',
  'answer twice': 'the response is sent twice',
  'callback refused':
    'the User answers the push with HTTP `status` (503 unless given), or there is no connection (`problem`)',
  'certificate expired': "the User's certificate has expired",
  'meter silent': 'the meter ignores what comes over the line while the request is executed',
  'meter slow': 'what the meter sends arrives `ms` late while the request is executed',
  'line noise': 'bytes are lost, changed and doubled on the line while the request is executed',
  'DCO slow': 'every call of the DCO takes `ms` longer while the request is executed',
  'meter reboots': 'the meter starts again when the request is executed',
  'power cut': "the meter's power goes when the request is executed, for `ms` (60,000 unless given)",
  'clock wrong': "the meter's clock jumps by `seconds` when the request is executed, and stays wrong",
  'half-hours missing':
    "the meter's power goes when the request is executed, until `halfHours` more have begun (1 unless given)",
  'half-hours marked':
    "the meter's clock jumps ahead and back when the request is executed: the half-hour under way is marked",
} as const

export type FaultEffect = keyof typeof faultEffects
export const effectNames = Object.keys(faultEffects) as [FaultEffect, ...FaultEffect[]]

const share = decimal(0, 1)

export const faultRule = object(
  { effect: oneOf(effectNames) },
  {
    user: text({ description: 'only requests of this User: name or EUI-64' }),
    device: eui,
    srv: text({ description: 'only this Service Request Variant' }),
    nth: whole(1, 1e9, { description: 'only from the nth request on that fits' }),
    count: whole(1, 1e9, { description: 'so many times; until removed or reset unless given' }),
    share: decimal(0, 1, { description: 'of the requests that fit, by chance; all unless given' }),
    seed: whole(0, 0xffff_ffff, { description: 'of that chance and of noise; 1 unless given' }),
    ms: whole(0, 86_400_000 * 31, { description: 'a time, milliseconds' }),
    code: text({ pattern: '^[EWI][0-9]{1,6}$', description: 'a response code' }),
    status: whole(100, 599),
    problem: text({ maxLength: 200 }),
    seconds: whole(-86_400 * 400, 86_400 * 400),
    halfHours: whole(1, 480),
    loss: share,
    flip: share,
    double: share,
    bitErrors: share,
    bursts: share,
  },
)

export type FaultRule = ValueOf<typeof faultRule>

const counter = whole(0, Number.MAX_SAFE_INTEGER)

export const faultRow = object({
  id: whole(1, Number.MAX_SAFE_INTEGER),
  since: instant,
  rule: faultRule,
  /** Requests that fit, and how often it took effect. */
  matched: counter,
  applied: counter,
})

/** A rule that is in force. */
export type FaultRow = ValueOf<typeof faultRow>

/** The rules of a bench. */
export interface Faults {
  /** @throws CommandError when a member is missing, is of another effect, or names nobody */
  add(rule: FaultRule): FaultRow
  list(): FaultRow[]
  /** False when there is none of that number. */
  remove(id: number): boolean
  /** Removes all; returns how many there were. */
  reset(): number
}
