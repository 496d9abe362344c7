// Sessions with meters: the DCO seals, alerts go to the supplier, and a clock that is wrong is set.

import type { BridgeConfig } from '../config/config.ts'
import { createDco, type Dco } from '../dco/sealer.ts'
import type { Delivery } from '../delivery/delivery.ts'
import { createDeviceAlerts } from '../delivery/device-alerts.ts'
import { priorityOf } from '../requests/accepted-request.ts'
import type { DeviceReadParts } from '../services/device-reads.ts'
import { createClockKeeper } from '../wan/meter-clock.ts'
import { createMeterSessions } from '../wan/meter-session.ts'
import type { BridgeEnv } from './env.ts'
import type { Lines } from './line-pool.ts'

export interface SessionParts {
  env: BridgeEnv
  setClock: BridgeConfig['setClock']
  lines: Lines
  delivery: Delivery
  evictDevice(eui: string, why: string): Promise<void>
  /** Checks a message that is about to be sent (`schemaCheck`). */
  checkOwn(xml: string, id: string): void
}

export function createSessions({
  env,
  setClock,
  lines,
  delivery,
  evictDevice,
  checkOwn,
}: SessionParts): DeviceReadParts['withSession'] {
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
  const keepClock = createClockKeeper({
    mode: setClock,
    timing,
    async wasSet(device, { aheadMs }, { driftPpm }) {
      if (aheadMs !== undefined) await evictDevice(device, 'its clock was set')
      log('clock set', { device, aheadMs, driftPpm })
      disk.audit.record({ event: 'clock set', device, ...(aheadMs !== undefined && { aheadMs }), driftPpm })
    },
    notSet: (device, problem) => log('clock not set', { device, problem }),
  })
  const sessions = createMeterSessions({ dco: openDco(env), timing, alerted, keepClock })
  return async ({ eui }, accepted, usage, work) => {
    const task = { deadlineMs: accepted.deadlineMs, usage, priority: priorityOf(accepted) }
    return sessions.withSession(lines.lineFor(accepted), eui, task, work)
  }
}

function openDco({ keys, randomBytes, disk, log }: BridgeEnv): Dco {
  return createDco(keys.vault, randomBytes, (device, problem) => {
    if (problem !== undefined) return log('key not rotated', { device, problem })
    disk.audit.record({ event: 'key rotated', device })
    log('key rotated', { device, note: 'the meter has its new key; the one before is gone' })
  })
}
