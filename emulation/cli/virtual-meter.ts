// The meter of `smets1 up --virtual-time`: the command `smets1 meter` in this process, by the bench's clock.

import { readFileSync, statSync } from 'node:fs'
import { pageBytes } from '../../firmware/flash-map.ts'
import { runMeter } from '../../hardware/cli/meter.ts'
import type { Stop } from '../../hardware/cli/stop.ts'
import { type FlashFile, openFlashFile } from '../../hardware/emulator/flash-file.ts'
import type { Line } from '../../hardware/emulator/meter-line.ts'
import { type MeterOrder, renewFlash } from '../../hardware/emulator/meter-orders.ts'
import type { MeterTime } from '../../hardware/emulator/meter-time.ts'
import type { Io, Options } from '../../host/cli/command.ts'
import { CommandError } from '../../host/state/errors.ts'
import { fromHex } from '../../protocol/bytes.ts'
import type { SimLine } from '../sim-line.ts'
import type { SteppedClock } from '../virtual-clock.ts'
import type { MeterProcess } from './meter-process.ts'
import { simulatedLine, type VirtualBench } from './virtual-time.ts'

/** The clocks of a meter. Whole microseconds since its start, so that its line's timers always reach the next byte. */
function timeOf(clock: SteppedClock): MeterTime {
  const startUs = clock.nowUs()
  const nowMs = () => (clock.nowUs() - startUs) / 1000
  return {
    clocks: { wallMs: clock.nowMs, steadyMs: clock.nowMs },
    timers: {
      nowMs,
      set: (due, delayMs) => clock.after(delayMs, due),
      clear: (timer) => (timer as { cancel(): void } | undefined)?.cancel(),
    },
    sleepMsMax: Number.POSITIVE_INFINITY,
    syncs: false,
  }
}

function endOf(line: SimLine): Line {
  return {
    url: simulatedLine,
    write: line.send,
    onData: (received) => line.attach({ received }),
    onClose() {},
    close: async () => {},
  }
}

/** A stop that is asked for by a call instead of a signal. */
function createStop(): Stop & { ask(): void } {
  let settle = () => {}
  const asked = new Promise<void>((resolve) => {
    settle = resolve
  })
  const stop = {
    stopped: false,
    asked,
    end() {},
    ask() {
      stop.stopped = true
      settle()
    },
  }
  return stop
}

/** One run of the meter's command. */
interface Run {
  ready: Promise<{ lastHalfHour: number }>
  ended: Promise<number>
  order(order: MeterOrder): void
  stop(): Promise<number>
}

function begin({ clock, line }: VirtualBench, options: Options, io: Io): Run {
  const stop = createStop()
  let ready: (said: { lastHalfHour: number }) => void = () => {}
  const isReady = new Promise<{ lastHalfHour: number }>((resolve) => {
    ready = resolve
  })
  const stdout = (text: string) => {
    const said = JSON.parse(text) as { ready?: boolean; lastHalfHour: number }
    if (said.ready === true) ready(said)
  }
  let carryOut: (order: MeterOrder) => void = () => {}
  const surroundings = {
    orders(take: typeof carryOut) {
      carryOut = take
    },
    time: timeOf(clock),
    openLine: async () => ({ ok: true as const, line: endOf(line) }),
    stop,
  }
  // The line paces the bytes; the URL is not opened.
  const given = { ...options, port: 'unix:///simulated-line', baud: '0', json: true }
  const ended = runMeter(given, { ...io, stdout }, surroundings)
  return {
    ready: isReady,
    ended,
    order: (order) => carryOut(order),
    stop() {
      stop.ask()
      return ended
    },
  }
}

/** @throws CommandError with its exit code when it ends instead */
async function readyOf(run: Run): Promise<{ lastHalfHour: number }> {
  const first = await Promise.race([run.ready, run.ended])
  if (typeof first === 'number') throw new CommandError(first, 'the meter did not start; its messages are above')
  return first
}

function withFlash<Result>(path: string, act: (flash: FlashFile) => Result): Result {
  const flash = openFlashFile(path, { pageBytes, pages: statSync(path).size / pageBytes })
  try {
    return act(flash)
  } finally {
    flash.close()
  }
}

/**
 * Starts the meter and waits until it is ready. `options`: flags of `smets1 meter`. @throws CommandError with its exit code
 * when it ends instead
 */
export async function startVirtualMeter(
  virtual: VirtualBench,
  options: Options & { flash: string },
  io: Io,
): Promise<MeterProcess> {
  const path = options.flash
  let run = begin(virtual, options, io)
  const { lastHalfHour } = await readyOf(run)
  const atStart = Uint8Array.from(readFileSync(path))
  let over: (code: number) => void = () => {}
  const ended = new Promise<number>((resolve) => {
    over = resolve
  })
  const follow = (one: Run) => void one.ended.then((code) => one === run && over(code))
  follow(run)

  /** The meter starts again on the flash of the start, at the time of the start. */
  async function renew(key: string): Promise<void> {
    const last = run
    // The settings file, and readings for an empty log, were for the first run.
    const { settings: _, load: __, ...again } = options
    const next: Promise<Run> = (async () => {
      await last.stop()
      withFlash(path, (flash) => renewFlash(flash, atStart, fromHex(key)))
      virtual.goBack()
      return begin(virtual, again, io)
    })()
    run = { ...last, stop: () => next.then((one) => one.stop()) }
    run = await next
    follow(run)
    await readyOf(run)
  }

  return {
    pid: process.pid,
    url: simulatedLine,
    lastHalfHour,
    ended,
    order: async (order) => (order.order === 'renew' ? renew(order.key) : run.order(order)),
    async stop() {
      await run.stop()
    },
  }
}
