// A model of the WAN between the bridge and emulated meters: wake-up SMS, PDP contexts, API and data rate of CSPs, and meters
// that cannot be reached. Every choice comes from the seed, the meter and the wake, so that a run can be repeated.

import { randomAt } from '../hardware/emulator/random-at.ts'
import type { OpenPort, PortEvents } from '../host/wan/bindings.ts'
import type { Timing } from '../host/wan/timing.ts'
import type { WanModel, WanUser } from '../host/wan/wan-model.ts'
import type { WanPlace } from '../host/wan/wan-place.ts'
import { type PlaceSettings, settingsAt, type WanSettings } from '../host/wan/wan-settings.ts'
import { euiFromBytes, getU32 } from '../protocol/bytes.ts'
import { createFrameDecoder } from '../protocol/frame.ts'
import { frameBytesMax } from '../protocol/limits.ts'
import { decodePacket } from '../protocol/link.ts'

const stream = { delay: 51, loss: 52, reach: 53, phase: 54 } as const

const minuteMs = 60_000

/** A number that tells meters apart: the last four bytes of the EUI-64. */
const numberOf = (eui: Uint8Array) => getU32(eui.slice().reverse(), 0)

/** Whether a meter is in a spell out of reach. */
function isUnreachable(
  { unreachableShare, unreachableMinutes }: PlaceSettings,
  seed: number,
  meter: number,
  nowMs: number,
) {
  if (unreachableShare === 0) return false
  if (unreachableMinutes === 0) return randomAt(seed, meter, stream.reach) < unreachableShare
  // Spells of one meter begin at other times than those of the next.
  const spellMs = unreachableMinutes * minuteMs
  const spell = Math.floor(nowMs / spellMs + randomAt(seed, meter, stream.phase))
  return randomAt(seed + meter, spell, stream.reach) < unreachableShare
}

/** One way of a context: frames follow each other at its data rate, and each takes the latency more. */
function createWay(timing: Timing, arrived: (bytes: Uint8Array) => void) {
  let freeAtMs = 0
  let lastMs = 0
  return (bytes: Uint8Array, { latencyMs, bitsPerSecond }: PlaceSettings) => {
    const nowMs = timing.nowMs()
    const sendMs = bitsPerSecond === 0 ? 0 : (bytes.length * 8000) / bitsPerSecond
    const isAtOnce = latencyMs === 0 && sendMs === 0 && lastMs <= nowMs
    if (isAtOnce) {
      arrived(bytes)
      return
    }
    freeAtMs = Math.max(freeAtMs, nowMs) + sendMs
    // In order, also when the latency has become less.
    lastMs = Math.max(lastMs, freeAtMs + latencyMs)
    timing.after(lastMs - nowMs, () => arrived(bytes))
  }
}

interface FarEndParts {
  timing: Timing
  user: WanUser
  settings(): WanSettings | undefined
  /** Wakes sent to a meter so far, this one included. */
  wakesOf(meter: number): number
}

/** The WAN at the far end of one port. `eui` of the last wake says where the frames after it go. */
function createFarSide({ timing, user, settings, wakesOf }: FarEndParts, events: PortEvents) {
  let place: WanPlace | undefined
  let write: (bytes: Uint8Array) => void = () => {}
  let isOpen = true
  /** The EUI-64s of wakes in what was just sent. */
  const woken: Uint8Array[] = []
  const decoder = createFrameDecoder(
    (bytes) => {
      const packet = decodePacket(bytes)
      if (packet?.kind === 'wake') woken.push(packet.eui)
    },
    () => {},
  )
  const now = () => settingsAt(settings(), place ?? { cohort: '', csp: '' })
  const deliver = (bytes: Uint8Array) => {
    if (isOpen) write(bytes)
  }
  const toMeter = createWay(timing, deliver)
  const toHost = createWay(timing, (bytes) => {
    if (isOpen) events.data(bytes)
  })

  /** A wake-up SMS. */
  function sendSms(eui: Uint8Array, bytes: Uint8Array): void {
    const device = euiFromBytes(eui)
    place = user.placeOf(device)
    const at = { device, ...place }
    const { seed = 0 } = settings() ?? {}
    const { smsDelayMs, smsJitterMs, smsLoss } = now()
    const meter = numberOf(eui)
    const count = wakesOf(meter)
    const ms = Math.round(smsDelayMs + smsJitterMs * randomAt(seed + meter, count, stream.delay))
    if (isUnreachable(now(), seed, meter, timing.nowMs())) user.report({ what: 'unreachable', ...at })
    else if (randomAt(seed + meter, count, stream.loss) < smsLoss) user.report({ what: 'sms lost', ...at })
    else if (ms === 0) toMeter(bytes, now())
    else {
      user.report({ what: 'sms delayed', ...at, ms })
      timing.after(ms, () => deliver(bytes))
    }
  }

  return {
    connect(to: (bytes: Uint8Array) => void): void {
      write = to
    },
    close(): void {
      isOpen = false
    },
    /** Bytes of the bridge; it writes whole frames. */
    send(bytes: Uint8Array): void {
      if (settings() !== undefined) decoder.push(bytes)
      const eui = woken.pop()
      woken.length = 0
      if (eui === undefined) toMeter(bytes, now())
      else sendSms(eui, bytes)
    },
    data: (bytes: Uint8Array) => toHost(bytes, now()),
  }
}

/** A model with its first settings; off when they are undefined. */
export function createWanModel(timing: Timing, first: WanSettings | undefined): WanModel {
  let settings = first
  const wakes = new Map<number, number>()
  const listeners: (() => void)[] = []
  const at = (place: WanPlace) => settingsAt(settings, place)

  function wakesOf(meter: number): number {
    const count = (wakes.get(meter) ?? 0) + 1
    wakes.set(meter, count)
    return count
  }

  return {
    attach(openPort, user): OpenPort {
      return async (url, baud, events) => {
        const side = createFarSide({ timing, user, settings: () => settings, wakesOf }, events)
        const port = await openPort(url, baud, {
          data: side.data,
          closed() {
            side.close()
            events.closed()
          },
        })
        side.connect(port.write)
        return { ...port, write: side.send }
      }
    },
    limits: at,
    waits(place) {
      const { smsDelayMs, smsJitterMs, latencyMs, bitsPerSecond } = at(place)
      const frameMs = bitsPerSecond === 0 ? 0 : (frameBytesMax * 8000) / bitsPerSecond
      return { wakeMs: smsDelayMs + smsJitterMs, roundTripMs: 2 * (latencyMs + frameMs) }
    },
    settings: () => settings,
    change(next) {
      settings = next
      for (const changed of listeners) changed()
    },
    onChange: (changed) => void listeners.push(changed),
  }
}
