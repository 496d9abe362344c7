// The faults of a bench: rules, and which of them takes effect with which request.

import type { Registry } from '../host/access/parties.ts'
import { parseEui } from '../host/duis/request.ts'
import {
  type FaultEffect,
  type FaultRow,
  type FaultRule,
  type Faults,
  faultRule,
} from '../host/http/control/fault-rule.ts'
import { CommandError, exitCode } from '../host/state/errors.ts'
import { createRandom, type Random } from './random.ts'

/** What a rule is compared with; a member is absent where it is not known. */
export interface FaultSubject {
  /** EUI-64. */
  user?: string | undefined
  device?: string | undefined
  srv?: string | undefined
}

type Member = Exclude<keyof FaultRule, 'effect' | 'user' | 'device' | 'srv' | 'nth' | 'count' | 'share' | 'seed'>

const noise = ['loss', 'flip', 'double', 'bitErrors', 'bursts'] as const

/** The members that an effect may have, and those of which it must have one. */
const members: { readonly [effect in FaultEffect]: { may?: readonly Member[]; must?: readonly Member[] } } = {
  delay: { must: ['ms'] },
  'after target time': { may: ['ms'] },
  refuse: { must: ['code'] },
  fail: { must: ['code'] },
  'no answer': {},
  'answer twice': {},
  'callback refused': { may: ['status', 'problem'] },
  'certificate expired': {},
  'meter silent': {},
  'meter slow': { must: ['ms'] },
  'line noise': { must: noise },
  'DCO slow': { must: ['ms'] },
  'meter reboots': {},
  'power cut': { may: ['ms'] },
  'clock wrong': { must: ['seconds'] },
  'half-hours missing': { may: ['halfHours'] },
  'half-hours marked': {},
}

/** Effects that only an emulated meter can have. */
export const meterEffects: readonly FaultEffect[] = [
  'meter reboots',
  'power cut',
  'clock wrong',
  'half-hours missing',
  'half-hours marked',
]

export interface FaultRules extends Faults {
  /** The rules of one of these effects that take effect with this subject now. Each is counted. */
  take(effects: readonly FaultEffect[], subject: FaultSubject): FaultRule[]
  /** Whether there is a rule of one of these effects. */
  has(effects: readonly FaultEffect[]): boolean
  /** Calls back at each reset: what a rule has begun and not ended must end. */
  onReset(call: () => void): void
}

export interface FaultParts {
  registry(): Registry
  nowMs(): number
  /** Whether the bench's meter can be switched off and its clock set. */
  hasMeter: boolean
}

interface Entry {
  row: FaultRow
  random: Random
  /** EUI-64s. */
  user: string | undefined
  device: string | undefined
}

const wrong = (message: string) => new CommandError(exitCode.usage, message)

/** @throws CommandError for a member that the effect needs, or does not know */
function checkMembers(rule: FaultRule): void {
  const { effect } = rule
  const { may = [], must = [] } = members[effect]
  const common = ['effect', 'user', 'device', 'srv', 'nth', 'count', 'share', 'seed']
  const known: readonly string[] = [...common, ...may, ...must]
  const unknown = Object.keys(rule).find((name) => !known.includes(name))
  if (unknown !== undefined) {
    const takes = [...must, ...may].join(', ') || 'nothing more'
    throw wrong(`the effect "${effect}" takes ${takes}, not ${unknown}`)
  }
  if (must.length > 0 && must.every((name) => rule[name] === undefined))
    throw wrong(`the effect "${effect}" needs ${must.join(' or ')}`)
  const ofUser = effect === 'certificate expired' && (rule.device !== undefined || rule.srv !== undefined)
  if (ofUser) throw wrong('a certificate is of a User: "certificate expired" takes user, and neither device nor srv')
}

export function createFaults({ registry, nowMs, hasMeter }: FaultParts): FaultRules {
  const entries = new Map<number, Entry>()
  const resetCalls: (() => void)[] = []
  let last = 0

  /** @throws CommandError */
  function userOf(name: string): string {
    const { users } = registry()
    const eui = users.find((one) => one.name === name)?.eui ?? parseEui(name)
    if (eui !== undefined) return eui
    throw wrong(`no User is called ${name}; there are ${users.map((one) => one.name).join(', ')}`)
  }

  function fits({ row: { rule }, user, device }: Entry, subject: FaultSubject): boolean {
    return (
      (user === undefined || user === subject.user) &&
      (device === undefined || device === subject.device) &&
      (rule.srv === undefined || rule.srv === subject.srv)
    )
  }

  /** Counts a request that fits; true when the rule takes effect with it. */
  function isDue({ row, random }: Entry): boolean {
    const { nth = 1, count = Number.POSITIVE_INFINITY, share = 1 } = row.rule
    row.matched += 1
    const drawn = share === 1 || random.next() < share
    if (row.matched < nth || row.applied >= count || !drawn) return false
    row.applied += 1
    return true
  }

  return {
    add(rule) {
      if (!faultRule.has(rule)) throw wrong(`this is no rule: ${faultRule.problems(rule).slice(0, 5).join('; ')}`)
      checkMembers(rule)
      if (meterEffects.includes(rule.effect) && !hasMeter)
        throw wrong(`"${rule.effect}" needs a meter that this bench can switch off: it has none`)
      const entry = {
        row: { id: last + 1, since: new Date(nowMs()).toISOString(), rule, matched: 0, applied: 0 },
        random: createRandom(rule.seed ?? 1),
        user: rule.user === undefined ? undefined : userOf(rule.user),
        device: rule.device?.toUpperCase(),
      }
      last += 1
      entries.set(last, entry)
      return { ...entry.row }
    },
    list: () => [...entries.values()].map(({ row }) => ({ ...row })),
    remove: (id) => entries.delete(id),
    reset() {
      const { size } = entries
      entries.clear()
      for (const call of resetCalls) call()
      return size
    },
    onReset: (call) => void resetCalls.push(call),
    take(effects, subject) {
      const found: FaultRule[] = []
      for (const entry of entries.values()) {
        const { rule } = entry.row
        if (effects.includes(rule.effect) && fits(entry, subject) && isDue(entry)) found.push(rule)
      }
      return found
    },
    has: (effects) => [...entries.values()].some(({ row }) => effects.includes(row.rule.effect)),
  }
}
