// Events in the life of a meter in a test, and their effects on the model of the meter.

import { eventCode } from '../../../protocol/event-entry.ts'
import type { Ask, MessageName } from '../../../protocol/messages.ts'
import { snapshotCause } from '../../../protocol/register-snapshot.ts'
import { commitAll, durable, note, type PlainMeter, secondsOf } from './plain-meter.ts'
import type { PlainSettings } from './plain-settings.ts'
import { boot, changeClock, powerFails, step, takeBilling } from './plain-time.ts'

type IncomingRequest = Exclude<MessageName, 'setClock' | 'writeSettings'>
export type AskAct = { [N in IncomingRequest]: { do: 'ask'; name: N; fields: Ask<N> } }[IncomingRequest]

/** Something that happens. Instants are true ones; what the board's clock shows may be something else. */
export type Act =
  /** Time has passed and pulses were counted up to `atMs`, when the meter steps. */
  | { do: 'step'; atMs: number; pulses: readonly number[] }
  /** Power was off, and is back at `atMs`. The board's clock has kept running, or shows `boardMs`. */
  | { do: 'start'; atMs: number; boardMs?: number }
  /** The board says that power is about to fail. */
  | { do: 'fails' }
  /** Somebody changes the board's clock. */
  | { do: 'jump'; ms: number }
  /** The bridge writes other settings. */
  | { do: 'settings'; settings: PlainSettings }
  /** The bridge sets the clock: to the true time and so much more. */
  | { do: 'setClock'; aheadMs: number }
  /** The bridge acknowledges all alerts that there are. */
  | { do: 'acknowledge' }
  | AskAct

/** The true time, and what the board's two clocks show. */
export interface Times {
  nowMs: number
  boardMs: number
  upMs: number
}

function changeSettings(world: PlainMeter, settings: PlainSettings): void {
  commitAll(world)
  const { tariff } = world.kept.settings
  // Thousandths of a Wh at one rate are none at another.
  if (settings.pulsesPerKwh !== world.kept.settings.pulsesPerKwh) world.ram.rest = [0, 0, 0, 0]
  durable(world, (kept) => {
    kept.settings = settings
    kept.version += 1
  })
  note(world, eventCode.settingsWritten, world.kept.version, 0)
  world.ram.room = world.ram.room.map((wh) => Math.min(wh, settings.halfHourWhMax))
  if (tariff !== settings.tariff) takeBilling(world, snapshotCause.tariffChange, false, secondsOf(world))
}

/** What an act does to the model. */
export function onModel(act: Act, times: Times, world: PlainMeter): void {
  const { sequence } = world.kept
  // Before any command a meter reads its clocks.
  if (!['step', 'start', 'jump'].includes(act.do)) step(world, times.boardMs, times.upMs, [0, 0, 0, 0])
  if (act.do === 'step') step(world, times.boardMs, times.upMs, act.pulses)
  else if (act.do === 'start') boot(world, times.boardMs, times.upMs)
  else if (act.do === 'fails') powerFails(world)
  else if (act.do === 'setClock') changeClock(world, times.nowMs + act.aheadMs, false)
  else if (act.do === 'settings') changeSettings(world, act.settings)
  else if (act.do === 'acknowledge') {
    if (world.kept.acknowledged === sequence) return
    durable(world, (kept) => {
      kept.acknowledged = sequence
    })
  } else if (act.do === 'ask') {
    if (act.name === 'readRegisters' || act.name === 'takeBilling') commitAll(world)
    if (act.name === 'takeBilling') takeBilling(world, act.fields.cause, false, secondsOf(world))
  }
}
