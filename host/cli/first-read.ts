// The first read of a meter that was just put on a board, or just provisioned: who it is, its clock, its registers.

import { randomBytes } from 'node:crypto'
import { existsSync } from 'node:fs'
import { decodeSnapshots } from '../../protocol/register-snapshot.ts'
import { createDco } from '../dco/sealer.ts'
import { openVault, type Vault } from '../dco/vault.ts'
import { systemTiming } from '../runtime/system-timing.ts'
import { CommandError, exitCode } from '../state/errors.ts'
import { statePaths } from '../state/state-directory.ts'
import { ask } from '../wan/ask.ts'
import { type OpenPort, openPort } from '../wan/bindings.ts'
import { defaultLineLimits } from '../wan/line-limits.ts'
import { setClockIfOff } from '../wan/meter-clock.ts'
import { createMeterSessions } from '../wan/meter-session.ts'
import { createLine } from '../wan/serial-line.ts'
import { noUsage, type Usage } from '../wan/usage.ts'

export interface FirstRead {
  manufacturer: string
  model: string
  firmwareVersion: string
  /** Milliseconds by which the meter's clock is ahead of this machine's; `undefined` while its time is lost. */
  clockAheadMs: number | undefined
  /** Wh: active import, active export; varh: reactive import, reactive export. */
  registers: number[]
  /** Whole days of half-hours that it keeps: of active import, of the others. */
  importDays: number
  otherDays: number
  answeredMs: number
  usage: Usage
}

/** Where a meter is, and the key to it. */
export interface MeterAt {
  /** Serial port, `tcp://` or `unix://`. */
  url: string
  baud: number
  /** Opens the line when it is not a port of this machine. */
  open?: OpenPort
  eui: string
  /** Its key, for a meter that the DCO of `state` does not know. */
  key?: Uint8Array | undefined
  /** The state directory. */
  state: string
  /** Sets the meter's clock by this machine's if it is lost, or more than this far off (ms). */
  setClockFromMs: number
}

/** Target response time of a read on demand. */
const readMs = 16000

/** The keys for the read: the DCO's, or the one that is given. @throws CommandError when there is none */
function keysFor({ state, eui, key }: MeterAt): Vault {
  const { vault: path } = statePaths(state)
  const vault = existsSync(path) ? openVault(path) : undefined
  if (vault?.key(eui) !== undefined) return vault
  if (key === undefined) {
    throw new CommandError(exitCode.keyMissing, `the DCO in ${state} has no key for ${eui}: name another with --state`)
  }
  return { key: (other) => (other === eui ? key : undefined) }
}

/** Wakes a meter and reads it. @throws ReadError in words */
export async function readFirst(meter: MeterAt): Promise<FirstRead> {
  const limits = { ...defaultLineLimits, baud: meter.baud }
  const line = createLine(meter.url, meter.open ?? openPort, limits, systemTiming)
  const dco = createDco(keysFor(meter), randomBytes)
  const sessions = createMeterSessions({ dco, timing: systemTiming })
  const usage = noUsage()
  const task = { deadlineMs: systemTiming.nowMs() + readMs, usage }
  const startMs = performance.now()
  try {
    const read = await sessions.withSession(line, meter.eui, task, async (conversation) => {
      const inventory = await ask(conversation, 'readInventory', {})
      const { now } = await setClockIfOff(conversation, systemTiming, meter.setClockFromMs, false)
      const { snapshots } = await ask(conversation, 'readRegisters', {})
      const registers = decodeSnapshots(snapshots)?.[0]?.registers ?? []
      const { manufacturer, model, firmwareVersion, importDays, otherDays } = inventory
      return {
        manufacturer,
        model,
        firmwareVersion,
        importDays,
        otherDays,
        clockAheadMs: now.aheadMs,
        registers: [...registers],
      }
    })
    return { ...read, answeredMs: Math.round(performance.now() - startMs), usage }
  } finally {
    await line.close()
  }
}
