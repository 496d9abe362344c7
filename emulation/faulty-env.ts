// An environment in which the rules of a bench take effect: on requests, on the line and the meter, on the DCO, on pushes and
// on certificates.

import type { BridgeEnv, BridgeNetwork, Parties } from '../host/bridge/env.ts'
import type { Dco, DcoSession } from '../host/dco/sealer.ts'
import type { Mailbox } from '../host/delivery/mailbox.ts'
import { parseResponse } from '../host/duis/read-response.ts'
import { parseRequestId, type RequestId } from '../host/duis/request.ts'
import type { FaultEffect, FaultRule } from '../host/http/control/fault-rule.ts'
import type { TrustedSigner, TrustStore } from '../host/pki/trust.ts'
import type { AcceptedRequest } from '../host/requests/accepted-request.ts'
import type { RequestFaults } from '../host/requests/request-faults.ts'
import type { Timing } from '../host/wan/timing.ts'
import { halfHourMs } from '../protocol/half-hour.ts'
import { type FaultRules, type FaultSubject, meterEffects } from './faults.ts'
import { createFaultyLines, type FaultyLines } from './faulty-lines.ts'

/** A meter whose power and clock the bench has. */
export interface FaultyMeter {
  /** Cuts the power, and gives it back after a time; 0: the meter starts again at once. */
  cut(eui: string, ms: number): void
  /** Steps the board's clock. */
  stepClock(eui: string, seconds: number): void
}

export interface FaultyEnvParts {
  rules: FaultRules
  /** Where devices are that name no line. */
  lineUrl: string | undefined
  meter?: FaultyMeter | undefined
}

const lineEffects: readonly FaultEffect[] = ['meter silent', 'meter slow', 'line noise', 'DCO slow', ...meterEffects]
const pushEffects: readonly FaultEffect[] = ['callback refused', 'no answer', 'answer twice']
const holdEffects: readonly FaultEffect[] = ['delay', 'after target time']

/** Times that a rule need not give, milliseconds. */
const usual = { late: 1_000, cut: 60_000 }
/** A step of a meter's clock that is no correction, and when it is taken back. */
const markStep = { seconds: 3, backMs: 2_000 }

const subjectOf = ({ allowed, row }: AcceptedRequest): FaultSubject => ({
  user: allowed.user.eui,
  device: allowed.device.eui,
  srv: row.variant,
})

const why = ({ effect, code }: FaultRule) => `a rule of the bench: ${effect} ${code}`

/** Calls of the DCO that take longer. */
function createSlowDco(timing: Timing) {
  const slowMs = new Map<string, number>()
  const wait = (eui: string) => {
    const ms = slowMs.get(eui) ?? 0
    return ms === 0 ? Promise.resolve() : new Promise<void>((resolve) => timing.after(ms, resolve))
  }
  const slowed = (eui: string, session: DcoSession): DcoSession => ({
    ...session,
    sealAsk: (message) => wait(eui).then(() => session.sealAsk(message)),
    openAnswer: (answer) => wait(eui).then(() => session.openAnswer(answer)),
    openAlerts: (answer) => wait(eui).then(() => session.openAlerts(answer)),
  })
  return {
    wrap: (own: Dco): Dco => ({
      open(eui) {
        const session = own.open(eui)
        return session && slowed(eui, session)
      },
    }),
    slow(eui: string, ms: number): () => void {
      slowMs.set(eui, (slowMs.get(eui) ?? 0) + ms)
      return () => {
        const left = (slowMs.get(eui) ?? 0) - ms
        if (left > 0) slowMs.set(eui, left)
        else slowMs.delete(eui)
      }
    },
    clear: () => slowMs.clear(),
  }
}

interface DisturbParts {
  timing: Timing
  lines: FaultyLines
  slowDco: ReturnType<typeof createSlowDco>
  meter: FaultyMeter | undefined
  urlOf(accepted: AcceptedRequest): string
}

/** Begins the effect of one rule while a request is executed. */
function begin(rule: FaultRule, accepted: AcceptedRequest, parts: DisturbParts): () => void {
  const { timing, lines, slowDco, meter, urlOf } = parts
  const { eui } = accepted.allowed.device
  const { ms, seconds = 0, halfHours = 1, loss, flip, double, bitErrors, bursts, seed } = rule
  const nothing = () => {}
  switch (rule.effect) {
    case 'meter silent':
      return lines.disturb(urlOf(accepted), { silent: true })
    case 'meter slow':
      return lines.disturb(urlOf(accepted), { slowMs: ms ?? 0 })
    case 'line noise': {
      const given = Object.entries({ loss, flip, double, bitErrors, bursts }).filter(([, value]) => value !== undefined)
      return lines.disturb(urlOf(accepted), { noise: Object.fromEntries(given), ...(seed !== undefined && { seed }) })
    }
    case 'DCO slow':
      return slowDco.slow(eui, ms ?? 0)
    case 'meter reboots':
      meter?.cut(eui, 0)
      return nothing
    case 'power cut':
      meter?.cut(eui, ms ?? usual.cut)
      return nothing
    case 'half-hours missing': {
      const nowMs = timing.nowMs()
      meter?.cut(eui, (Math.floor(nowMs / halfHourMs) + 1 + halfHours) * halfHourMs - nowMs)
      return nothing
    }
    case 'clock wrong':
      meter?.stepClock(eui, seconds)
      return nothing
    case 'half-hours marked':
      meter?.stepClock(eui, markStep.seconds)
      timing.after(markStep.backMs, () => meter?.stepClock(eui, -markStep.seconds))
      return nothing
    default:
      return nothing
  }
}

function createRequestFaults(rules: FaultRules, hold: Held, parts: DisturbParts): RequestFaults {
  return {
    refuse({ requestId, serviceReferenceVariant: srv }) {
      const { originator: user, target: device } = requestId
      const [rule] = rules.take(['refuse'], { user, device, srv })
      return rule?.code === undefined ? undefined : { code: rule.code, why: why(rule) }
    },
    fail(accepted) {
      const [rule] = rules.take(['fail'], subjectOf(accepted))
      return rule?.code === undefined ? undefined : { code: rule.code, why: why(rule) }
    },
    disturb(accepted) {
      const ends = rules.take(lineEffects, subjectOf(accepted)).map((rule) => begin(rule, accepted, parts))
      return () => {
        for (const end of ends) end()
      }
    },
    holdUntilMs(accepted) {
      const until = rules
        .take(holdEffects, subjectOf(accepted))
        .map(({ effect, ms }) =>
          effect === 'delay' ? parts.timing.nowMs() + (ms ?? 0) : accepted.deadlineMs + (ms ?? usual.late),
        )
      if (until.length === 0) return undefined
      const untilMs = Math.max(...until)
      if (accepted.allowed.user.callback === undefined) hold.until(accepted.id, untilMs)
      return untilMs
    },
  }
}

/** So many held responses are kept before those that are due are forgotten. */
const heldMax = 1_000

/** Responses in mailboxes that are not there yet, or never come. */
function createHeld({ nowMs }: Timing) {
  const held = new Map<string, number>()
  return {
    until(id: string, untilMs: number): void {
      held.set(id, untilMs)
      if (held.size > heldMax) for (const [old, dueMs] of held) if (dueMs <= nowMs()) held.delete(old)
    },
    has: (id: string) => (held.get(id) ?? 0) > nowMs(),
    clear: () => held.clear(),
  }
}

type Held = ReturnType<typeof createHeld>

function subjectOfIds(requestId: RequestId | undefined, srv: string | undefined): FaultSubject {
  return { user: requestId?.originator, device: requestId?.target, srv }
}

/** Who is to get a response, and what it answers. Results of schedules and alerts go from the device to the User. */
function subjectOfResponse(xml: string, url: string, { registry }: Pick<Parties, 'registry'>): FaultSubject {
  const parsed = parseResponse(Buffer.from(xml))
  const { requestId, responseId, serviceReferenceVariant: srv } = parsed.ok ? parsed.response : {}
  const user = registry().users.find(({ callback }) => callback === url)?.eui
  return { user, device: requestId?.target ?? responseId?.originator, srv }
}

function createFaultyNetwork(rules: FaultRules, hold: Held, { network, parties }: BridgeEnv): BridgeNetwork {
  const { post, serve } = network

  function createFaultyMailbox({ fetch, take }: Pick<Mailbox, 'fetch' | 'take'>): Pick<Mailbox, 'fetch' | 'take'> {
    return {
      take,
      fetch(location) {
        const id = location.split('/').at(-2) ?? ''
        if (hold.has(id)) return { state: 'waiting' }
        const found = fetch(location)
        if (found.state !== 'ready' || !rules.has(['no answer'])) return found
        const parsed = parseResponse(Buffer.from(found.xml))
        const srv = parsed.ok ? parsed.response.serviceReferenceVariant : undefined
        const [lost] = rules.take(['no answer'], subjectOfIds(parseRequestId(id), srv))
        if (lost === undefined) return found
        hold.until(id, Number.POSITIVE_INFINITY)
        return { state: 'waiting' }
      },
    }
  }

  return {
    async post(url, xml, timeoutMs, explanation) {
      const subject = rules.has(pushEffects) ? subjectOfResponse(xml, url, parties) : {}
      const [refused] = rules.take(['callback refused'], subject)
      if (refused?.problem !== undefined) throw new Error(refused.problem)
      if (refused !== undefined) return refused.status ?? 503
      // Lost after it has left the bridge.
      if (rules.take(['no answer'], subject).length > 0) return 204
      const status = await post(url, xml, timeoutMs, explanation)
      const isTwice = rules.take(['answer twice'], subject).length > 0
      return isTwice ? post(url, xml, timeoutMs, explanation) : status
    },
    ...(serve && { serve: (receive, mailbox) => serve(receive, createFaultyMailbox(mailbox)) }),
  }
}

/** Certificates of which some have expired. */
class ExpiringTrust extends Map<string, readonly TrustedSigner[]> {
  readonly #expire: (signer: TrustedSigner) => TrustedSigner
  constructor(store: TrustStore, expire: (signer: TrustedSigner) => TrustedSigner) {
    super(store)
    this.#expire = expire
  }
  override get(serial: string): readonly TrustedSigner[] | undefined {
    return super.get(serial)?.map(this.#expire)
  }
}

function createFaultyParties(rules: FaultRules, parties: Parties, nowMs: () => number): Parties {
  const expire = (signer: TrustedSigner) => {
    const [rule] = rules.take(['certificate expired'], { user: signer.eui })
    return rule === undefined ? signer : { ...signer, notAfterMs: Math.min(signer.notAfterMs, nowMs() - 1) }
  }
  return {
    ...parties,
    trust() {
      const store = parties.trust()
      return rules.has(['certificate expired']) ? new ExpiringTrust(store, expire) : store
    },
  }
}

/** The environment with the faults of a bench. */
export function faultyEnv(env: BridgeEnv, { rules, lineUrl, meter }: FaultyEnvParts): BridgeEnv {
  const { timing, wan, parties, dco = (own) => own } = env
  const hold = createHeld(timing)
  const lines = createFaultyLines(timing, wan.openPort)
  const slowDco = createSlowDco(timing)
  rules.onReset(() => {
    for (const part of [hold, lines, slowDco]) part.clear()
  })
  const urlOf = ({ allowed }: AcceptedRequest) => {
    const { line } = allowed.device
    return line === 'default' ? (lineUrl ?? '') : line
  }
  return {
    ...env,
    wan: { ...wan, openPort: lines.openPort },
    dco: (own) => slowDco.wrap(dco(own)),
    network: createFaultyNetwork(rules, hold, env),
    parties: createFaultyParties(rules, parties, timing.nowMs),
    faults: createRequestFaults(rules, hold, { timing, lines, slowDco, meter, urlOf }),
  }
}
