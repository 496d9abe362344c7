// A model of the DCO's capacity: one queue for all calls, in order of arrival, as it cannot tell what is urgent (MP162-I2);
// workers, a rate, the time of a call, and stalls in which nothing is worked on.

import { randomAt } from '../hardware/emulator/random-at.ts'
import type { DcoEvent, DcoModel } from '../host/dco/dco-model.ts'
import type { DcoSettings } from '../host/dco/dco-settings.ts'
import { type Dco, type DcoSession, dcoBudgetMs } from '../host/dco/sealer.ts'
import { ReadError } from '../host/wan/read-error.ts'
import type { Timing } from '../host/wan/timing.ts'

const stream = { call: 61 } as const
const minuteMs = 60_000

/** The first instant from `ms` on at which the DCO works, by its regular stalls. */
function working(ms: number, { stallEveryMinutes, stallMs }: DcoSettings): number {
  if (stallEveryMinutes === 0 || stallMs === 0) return ms
  const into = ms % (stallEveryMinutes * minuteMs)
  return into < stallMs ? ms + stallMs - into : ms
}

/** When work of so many ms that begins at an instant is done. It stands still in stalls. */
function doneAt(startMs: number, workMs: number, settings: DcoSettings): number {
  const { stallEveryMinutes, stallMs } = settings
  let atMs = working(startMs, settings)
  if (stallEveryMinutes === 0 || stallMs === 0) return atMs + workMs
  const everyMs = stallEveryMinutes * minuteMs
  for (let leftMs = workMs; ; ) {
    const toStallMs = everyMs - (atMs % everyMs)
    if (leftMs < toStallMs) return atMs + leftMs
    leftMs -= toStallMs
    atMs += toStallMs + stallMs
  }
}

/** The queue of the DCO. */
function createQueue(timing: Timing) {
  let settings: DcoSettings | undefined
  const waiting: (() => void)[] = []
  let busy = 0
  let calls = 0
  /** When the rate allows the next call, and when a stall that was ordered ends. */
  let freeAtMs = 0
  let stalledUntilMs = 0
  let timer: { cancel(): void } | undefined

  /** Begins calls as far as workers, rate and stalls allow, and looks again when they allow more. */
  function work(): void {
    timer?.cancel()
    timer = undefined
    while (waiting.length > 0) {
      if (settings !== undefined && settings.workers > 0 && busy >= settings.workers) return
      const nowMs = timing.nowMs()
      const fromMs = Math.max(freeAtMs, stalledUntilMs, settings === undefined ? 0 : working(nowMs, settings))
      if (fromMs > nowMs) {
        timer = timing.after(fromMs - nowMs, work)
        return
      }
      const { callsPerSecond = 0 } = settings ?? {}
      freeAtMs = callsPerSecond > 0 ? nowMs + 1000 / callsPerSecond : 0
      busy += 1
      waiting.shift()?.()
    }
  }

  return {
    change(next: DcoSettings | undefined): void {
      settings = next
      freeAtMs = 0
      work()
    },
    stall(ms: number): void {
      stalledUntilMs = Math.max(stalledUntilMs, timing.nowMs() + ms)
    },
    settings: () => settings,
    isFull: () => settings !== undefined && settings.queueMax > 0 && waiting.length >= settings.queueMax,
    /** Waits for a worker, and works for the time of a call. */
    async pass(): Promise<void> {
      await new Promise<void>((begin) => {
        waiting.push(begin)
        work()
      })
      calls += 1
      const nowMs = timing.nowMs()
      const { seed, latencyMs, jitterMs } = settings ?? { seed: 0, latencyMs: 0, jitterMs: 0 }
      const workMs = Math.round(latencyMs + jitterMs * randomAt(seed, calls, stream.call))
      const endMs = settings === undefined ? nowMs : doneAt(nowMs, workMs, settings)
      if (endMs > nowMs) await new Promise<void>((done) => timing.after(endMs - nowMs, done))
      busy -= 1
      work()
    },
  }
}

/** A model with its first settings; off when they are undefined. */
export function createDcoModel(timing: Timing, first: DcoSettings | undefined): DcoModel {
  const queue = createQueue(timing)
  queue.change(first)

  function modelled(session: DcoSession, device: string, report: (event: DcoEvent) => void): DcoSession {
    async function through<T>(call: () => Promise<T>): Promise<T> {
      if (queue.isFull()) {
        report({ what: 'refused', device })
        throw new ReadError('DCO too slow', 'as many calls of the DCO wait as may, and it takes no more')
      }
      const startMs = timing.nowMs()
      await queue.pass()
      const ms = timing.nowMs() - startMs
      if (ms > dcoBudgetMs) report({ what: 'late', device, ms })
      return call()
    }
    return {
      ...session,
      sealAsk: (message) => through(() => session.sealAsk(message)),
      openAnswer: (answer) => through(() => session.openAnswer(answer)),
      openAlerts: (answer) => through(() => session.openAlerts(answer)),
      lateFails: () => queue.settings()?.late !== 'counted',
    }
  }

  return {
    attach: (dco: Dco, report) => ({
      open(eui) {
        const session = dco.open(eui)
        return session && modelled(session, eui, report)
      },
    }),
    settings: queue.settings,
    change: queue.change,
    stall: queue.stall,
  }
}
