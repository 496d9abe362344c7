// Sessions with meters: the DCO seals, alerts go to the supplier, and a clock that is wrong is set.

import type { Device } from '../access/parties.ts'
import type { BridgeConfig } from '../config/config.ts'
import { createDco, type Dco } from '../dco/sealer.ts'
import type { Delivery } from '../delivery/delivery.ts'
import { createDeviceAlerts } from '../delivery/device-alerts.ts'
import { priorityOf } from '../requests/accepted-request.ts'
import type { DeviceReadParts } from '../services/device-reads.ts'
import { createClockKeeper, type MeterClock, setClockIfOff } from '../wan/meter-clock.ts'
import { createMeterSessions } from '../wan/meter-session.ts'
import { noUsage } from '../wan/usage.ts'
import { priority } from '../wan/waiting-requests.ts'
import type { BridgeEnv } from './env.ts'
import type { Lines } from './line-pool.ts'

export interface SessionParts {
  env: BridgeEnv
  clocks: Pick<BridgeConfig, 'setClock' | 'confirmClock'>
  lines: Lines
  delivery: Delivery
  evictDevice(eui: string, why: string): Promise<void>
  /** Checks a message that is about to be sent (`schemaCheck`). */
  checkOwn(xml: string, id: string): void
}

export interface Sessions extends Pick<DeviceReadParts, 'withSession'> {
  /**
   * Sets a meter's clock to this machine's time; by more than a day ahead only when that is `confirmed`.
   * @throws ReadError when the meter cannot be reached within a minute, or refuses
   */
  setMeterClock(device: Device, confirmed: boolean): Promise<{ before: MeterClock; now: MeterClock }>
}

/** How long the setting of a clock may take, with the wait for the line. */
const clockMsMax = 60_000

export function createSessions({ env, clocks, lines, delivery, evictDevice, checkOwn }: SessionParts): Sessions {
  const { timing, disk, keys, parties, log } = env
  const alerted = createDeviceAlerts({
    store: disk.store,
    delivery,
    registry: parties.registry,
    nowMs: timing.nowMs,
    dsp: keys.dsp.signer,
    s1sp: keys.s1sp,
    clockStepped: evictDevice,
    check: checkOwn,
    log,
  })
  const wasSet = async (device: string, { aheadMs }: MeterClock, { driftPpm }: MeterClock) => {
    if (aheadMs !== undefined) await evictDevice(device, 'its clock was set')
    log('clock set', { device, aheadMs, driftPpm })
    disk.audit.record({ event: 'clock set', device, ...(aheadMs !== undefined && { aheadMs }), driftPpm })
  }
  const keepClock = createClockKeeper({
    mode: clocks.setClock,
    timing,
    confirmed: clocks.confirmClock,
    wasSet,
    notSet: (device, problem) => log('clock not set', { device, problem }),
  })
  const sessions = createMeterSessions({ dco: openDco(env), timing, alerted, keepClock })
  return {
    async withSession(device, accepted, usage, work) {
      const { deadlineMs } = accepted
      const task = { deadlineMs, usage, priority: priorityOf(accepted) }
      return sessions.withSession(lines.lineFor(device, deadlineMs, task.priority), device.eui, task, work)
    },
    async setMeterClock(device, confirmed) {
      const deadlineMs = timing.nowMs() + clockMsMax
      const task = { deadlineMs, usage: noUsage(), priority: priority.onDemand }
      const line = lines.lineFor(device, deadlineMs, task.priority)
      const set = await sessions.withSession(line, device.eui, task, (conversation) =>
        setClockIfOff(conversation, timing, 0, confirmed || clocks.confirmClock),
      )
      if (set.now !== set.before) await wasSet(device.eui, set.before, set.now)
      return set
    },
  }
}

function openDco({ keys, randomBytes, disk, log, models, dco = (own) => own }: BridgeEnv): Dco {
  const own = createDco(keys.vault, randomBytes, (device, problem) => {
    if (problem !== undefined) return log('key not rotated', { device, problem })
    disk.audit.record({ event: 'key rotated', device })
    log('key rotated', { device, note: 'the meter has its new key; the one before is gone' })
  })
  return dco(models?.dco.attach(own, ({ what, ...fields }) => log(`dco ${what}`, fields)) ?? own)
}
