// What meters tell unasked, on its way to the supplier: logged, and delivered once as a SMETS1 device alert.

import { type EventEntry, eventCode } from '../../protocol/event-entry.ts'
import { responseAddress } from '../access/callback.ts'
import type { Registry, User } from '../access/parties.ts'
import { settlementDayOf } from '../access/settlement-day.ts'
import { type DeviceAlert, formatDeviceAlert } from '../duis/format-alert.ts'
import { requestIdOf } from '../duis/request.ts'
import type { Signer } from '../pki/signer.ts'
import type { Log } from '../state/log-event.ts'
import { listOf, readText } from '../store/row-reader.ts'
import type { Store } from '../store/store.ts'
import type { Delivery } from './delivery.ts'

/** Reads a row of the table `alerts`: the last alerts of a meter, `CODE/SEQUENCE/SECONDS/VALUE`, by its EUI-64. */
export const readAlertNames = listOf(readText)

export interface DeviceAlertParts {
  store: Store<{ alerts: string[] }>
  delivery: Delivery
  registry(): Registry
  nowMs(): number
  dsp: Signer
  s1sp: Signer
  /** Called once for a meter that has lost its clock, or whose clock was set by 2 s or more. `why` is for the log. */
  clockStepped(eui: string, why: string): Promise<void>
  /** Checks what is sent, when a schema is there. */
  check(xml: string, id: string): void
  log: Log
}

/** Alerts of a meter that are remembered: as many as it can push at once. */
const rememberedMax = 14

const wordsByCode: { readonly [code: number]: (entry: EventEntry) => string } = {
  [eventCode.powerOutage]: ({ value, detail }) =>
    `Supply restored after an outage of ${value} seconds${detail === 1 ? ', its beginning estimated' : ''}`,
  [eventCode.lastGasp]: () => 'Supply is about to fail (last gasp)',
  [eventCode.clockLost]: () => 'The clock does not show the time',
  [eventCode.clockForward]: ({ value }) => `The clock was set forward by ${value} seconds`,
  [eventCode.clockBack]: ({ value }) => `The clock was set back by ${value} seconds`,
}

/** What was read by a clock that was wrong, before or after, is not what the meter would answer now. */
const clockSteps: { readonly [code: number]: string } = {
  [eventCode.clockLost]: 'the meter has lost its clock',
  [eventCode.clockForward]: 'the clock of the meter was set forward',
  [eventCode.clockBack]: 'the clock of the meter was set back',
}

/** The alert that an event makes. An event of a meter without a clock has no time: then it is that of its arrival. */
export function alertOf(entry: EventEntry, nowMs: number): DeviceAlert {
  const words = wordsByCode[entry.code]
  const atMs = entry.atSeconds === 0 ? nowMs : entry.atSeconds * 1000
  const alert = { description: words?.(entry) ?? `Event ${entry.code} of the meter`, atMs }
  if (entry.code !== eventCode.powerOutage || entry.atSeconds === 0) return alert
  return { ...alert, outage: { fromMs: atMs, toMs: atMs + entry.value * 1000 } }
}

/**
 * The User to be told: of the import supplier registered today, the first that is active. The registered supplier is the
 * only party that owns a device; that no other party is told is an assumption.
 */
export function supplierOf(registry: Registry, eui: string, nowMs: number): User | undefined {
  const mpan = registry.device(eui)?.importMpan
  const today = settlementDayOf(nowMs)
  const record =
    mpan === undefined
      ? undefined
      : registry
          .registrations(mpan, 'IS')
          .find(({ from, until }) => from <= today && (until === undefined || today <= until))
  if (record === undefined) return undefined
  return registry.users.find(
    ({ mpid, roles, status }) => mpid === record.mpid && roles.includes('IS') && status === 'active',
  )
}

/**
 * Takes the alerts of a meter. Resolves when each of them is on disk to be delivered, so that the meter may forget it. An
 * alert that was taken before, because its acknowledgement was lost, is not delivered again.
 */
export function createDeviceAlerts(parts: DeviceAlertParts): (eui: string, alerts: EventEntry[]) => Promise<void> {
  const { store, log } = parts
  let lastCounter = 0n

  /** Counters of ResponseIDs grow from one alert to the next, also over a restart. */
  function nextCounter(nowMs: number): bigint {
    const now = BigInt(Math.floor(nowMs))
    lastCounter = now > lastCounter ? now : lastCounter + 1n
    return lastCounter
  }

  async function deliver(eui: string, entry: EventEntry): Promise<void> {
    const nowMs = parts.nowMs()
    const alert = alertOf(entry, nowMs)
    const { description } = alert
    const supplier = supplierOf(parts.registry(), eui, nowMs)
    const at = new Date(alert.atMs).toISOString()
    const fields = { device: eui, code: entry.code, sequence: entry.sequence, at, description }
    if (supplier === undefined) {
      log('device alert', { ...fields, problem: 'no supplier is registered to the device today: delivered to nobody' })
      return
    }
    const requestId = requestIdOf(supplier.eui, eui, nextCounter(nowMs))
    const boxedCompat = supplier.mode === 'boxed'
    const xml = formatDeviceAlert(alert, { requestId, nowMs, dsp: parts.dsp, s1sp: parts.s1sp, boxedCompat })
    const id = `${eui}:${supplier.eui}:${requestId.counter}`
    parts.check(xml, id)
    log('device alert', { ...fields, to: supplier.eui, responseId: id })
    await parts.delivery.keep(id, responseAddress(supplier), xml)
    parts.delivery.start(id)
  }

  async function take(eui: string, alerts: EventEntry[]): Promise<void> {
    const names = alerts.map(({ code, sequence, atSeconds, value }) => `${code}/${sequence}/${atSeconds}/${value}`)
    const known = store.get('alerts', eui) ?? []
    for (const [i, entry] of alerts.entries()) {
      if (known.includes(names[i]!)) continue
      const why = clockSteps[entry.code]
      if (why !== undefined) await parts.clockStepped(eui, why)
      await deliver(eui, entry)
    }
    const remembered = [...known.filter((name) => !names.includes(name)), ...names].slice(-rememberedMax)
    await store.put('alerts', eui, remembered)
  }

  return (eui, alerts) =>
    take(eui, alerts).catch((error: Error) => {
      log('device alerts not taken', { device: eui, problem: error.message })
      throw error
    })
}
