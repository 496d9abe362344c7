// Both ends of a serial line pulled and plugged in again, many times: how soon each is back, and what it leaves behind.

import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { SerialPort } from 'serialport'
import { holdLine } from '../../../hardware/cli/line-holder.ts'
import { openLine } from '../../../hardware/emulator/meter-line.ts'
import { systemTiming } from '../../../host/runtime/system-timing.ts'
import { openPort } from '../../../host/wan/bindings.ts'
import { defaultLineLimits } from '../../../host/wan/line-limits.ts'
import { createLine } from '../../../host/wan/serial-line.ts'
import { noUsage } from '../../../host/wan/usage.ts'
import { plugPty } from './pty.ts'

export interface Cycled {
  /** From the return of the device to the open port: of the bridge, of the meter. */
  bridgeMs: number[]
  meterMs: number[]
  /** Cycles after which a packet came back over both ends. */
  talked: number
  /** Problems reported, other than that the device is not there. */
  problems: string[]
  /** Open files, listeners of the process and heap: after the first few cycles, and after the last. */
  before: Left
  after: Left
}

export interface Left {
  files: number
  listeners: number
  heapBytes: number
}

setFlagsFromString('--expose-gc')
const collect = runInNewContext('gc') as () => void

function left(): Left {
  collect()
  const listeners = process.eventNames().reduce((sum, name) => sum + process.listenerCount(name), 0)
  return { files: readdirSync('/proc/self/fd').length, listeners, heapBytes: process.memoryUsage().heapUsed }
}

/** A repeated event that is waited for one at a time. */
function createBell() {
  let rung = 0
  let waiting: (() => void) | undefined
  return {
    ring() {
      rung += 1
      waiting?.()
    },
    async next(withinMs: number): Promise<boolean> {
      if (rung === 0) {
        await new Promise<void>((resolve) => {
          const timer = setTimeout(resolve, withinMs)
          waiting = () => {
            clearTimeout(timer)
            resolve()
          }
        })
      }
      waiting = undefined
      const came = rung > 0
      rung = 0
      return came
    },
  }
}

/** `warm` cycles are run before anything is measured. The meter's end echoes what it receives. */
export async function unplugCycles(count: number, warm: number, note: (done: number) => void): Promise<Cycled> {
  const folder = mkdtempSync(join(tmpdir(), 'smets1-unplug-'))
  const [meterEnd, bridgeEnd] = [join(folder, 'meter'), join(folder, 'bridge')]
  const cycled: Cycled = { bridgeMs: [], meterMs: [], talked: 0, problems: [], before: left(), after: left() }
  const bridgeOpen = createBell()
  const bridgeLost = createBell()
  const meterOpen = createBell()
  const meterLost = createBell()
  let pty = await plugPty(meterEnd, bridgeEnd)
  const first = await openLine(meterEnd, 115200)
  if (!first.ok) throw new Error(first.problem.message)
  const stderr = (text: string) => {
    if (/is back/.test(text)) meterOpen.ring()
    else if (/is gone/.test(text)) meterLost.ring()
    else cycled.problems.push(text)
  }
  const meter = holdLine(first.line, meterEnd, 115200, { stdout: () => {}, stderr, isTerminal: false, env: {} })
  meter.take((bytes) => meter.write(bytes))
  const line = createLine(bridgeEnd, openPort, defaultLineLimits, systemTiming)
  line.hold((news) => {
    if (news.state === 'open') bridgeOpen.ring()
    else if (news.state === 'lost') bridgeLost.ring()
    else if (!/does not exist/.test(news.problem)) cycled.problems.push(news.problem)
  })
  const waitMs = 10_000
  await bridgeOpen.next(waitMs)
  for (let cycle = 1; cycle <= warm + count; cycle++) {
    await pty.unplug()
    await Promise.all([bridgeLost.next(waitMs), meterLost.next(waitMs)])
    // Away for a time that is not in step with the retries of either end.
    await new Promise((resolve) => setTimeout(resolve, (cycle * 37) % 300))
    pty = await plugPty(meterEnd, bridgeEnd)
    const backMs = performance.now()
    const timed = (bell: typeof bridgeOpen) =>
      bell.next(waitMs).then((came) => (came ? performance.now() - backMs : Number.POSITIVE_INFINITY))
    const [bridgeMs, meterMs] = await Promise.all([timed(bridgeOpen), timed(meterOpen)])
    const heard = await line.use(noUsage(), async (turn) => {
      turn.send(Uint8Array.of(cycle & 255, 1, 2))
      return turn.receive(2000)
    })
    if (cycle === warm) cycled.before = left()
    if (cycle <= warm) continue
    cycled.bridgeMs.push(bridgeMs)
    cycled.meterMs.push(meterMs)
    if (heard?.[0] === (cycle & 255)) cycled.talked += 1
    note(cycle - warm)
  }
  cycled.after = left()
  await line.close()
  await meter.close()
  await pty.unplug()
  rmSync(folder, { recursive: true, force: true })
  return cycled
}

/**
 * Heap bytes and open files that one opening and closing of a port leaves behind in the native binding alone, without our
 * code and without the stream: @serialport/bindings-cpp never frees the Poller of a port.
 */
export async function nativeLeftovers(count: number): Promise<{ heapBytes: number; files: number }> {
  const folder = mkdtempSync(join(tmpdir(), 'smets1-native-'))
  const path = join(folder, 'port')
  const pty = await plugPty(join(folder, 'other'), path)
  const openAndClose = async () => (await SerialPort.binding.open({ path, baudRate: 115200 })).close()
  for (let i = 0; i < 100; i++) await openAndClose()
  const before = left()
  for (let i = 0; i < count; i++) await openAndClose()
  const after = left()
  await pty.unplug()
  rmSync(folder, { recursive: true, force: true })
  return { heapBytes: (after.heapBytes - before.heapBytes) / count, files: after.files - before.files }
}
