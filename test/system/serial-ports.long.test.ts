// Real ports: pulled and plugged in again, gone without a word, in use, forbidden, or with something else than a meter on them.

import { spawnSync } from 'node:child_process'
import { chmodSync, mkdtempSync, renameSync, rmSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { createRandom } from '../../emulation/random.ts'
import { createSimLine } from '../../emulation/sim-line.ts'
import { createVirtualClock } from '../../emulation/virtual-clock.ts'
import { openLine } from '../../hardware/emulator/meter-line.ts'
import { createDco } from '../../host/dco/sealer.ts'
import { systemTiming } from '../../host/runtime/system-timing.ts'
import { openPort } from '../../host/wan/bindings.ts'
import { defaultLineLimits } from '../../host/wan/line-limits.ts'
import { ReadError } from '../../host/wan/read-error.ts'
import { createLine } from '../../host/wan/serial-line.ts'
import { noUsage } from '../../host/wan/usage.ts'
import { hasSocat, leaveOut } from '../support/left-out.ts'
import { plugPty } from '../support/sim/pty.ts'
import { readProfile } from '../support/sim/single-read.ts'
import { unplugCycles } from '../support/sim/unplug-cycles.ts'

const test = suite('ports')
const folder = mkdtempSync(join(tmpdir(), 'smets1-ports-'))
test.after(() => rmSync(folder, { recursive: true, force: true }))

const eui = '00-DB-12-34-56-78-90-A0'

/** What the bridge says of a port on which something answers bytes with bytes. */
async function saidOf(answer: (bytes: Uint8Array, said: (bytes: Uint8Array) => void) => void): Promise<string> {
  const clock = createVirtualClock(Date.UTC(2026, 10, 22))
  const sim = createSimLine(clock, 115200, createRandom(1))
  sim.attach({ received: (bytes) => answer(bytes, sim.send) })
  const line = createLine('sim:', sim.openPort, defaultLineLimits, clock)
  const dco = createDco({ key: () => new Uint8Array(32) }, createRandom(2).bytes)
  const read = readProfile({ line, dco, timing: clock }, eui, 0, 0, 48, clock.nowMs() + 16000, noUsage())
  const error = await clock.run(
    read.then(
      () => undefined,
      (reason) => reason,
    ),
  )
  assert.instance(error, ReadError)
  assert.is(error.fault, 'no awake')
  return error.message
}

const text = (words: string) => Uint8Array.from(words, (letter) => letter.charCodeAt(0))
const printable = (bytes: Uint8Array) => bytes.filter((byte) => byte >= 0x20)

test('a meter of another speed: bytes, and no frame among them', async () => {
  const random = createRandom(3)
  const said = await saidOf((_, say) => say(random.bytes(40).map((byte) => byte | 1)))
  assert.match(said, /bytes came and not one frame.*another speed than 115200 baud \(--baud\)/)
})

test('the prompt of an Espruino board, which echoes what it can and does not understand it', async () => {
  let wakes = 0
  const said = await saidOf((bytes, say) => {
    wakes += 1
    say(printable(bytes))
    if (wakes === 2) say(text('\r\nUncaught SyntaxError: Got ?[219] expected EOF\r\n    at REPL (:1:1)\r\n\r\n^\r\n>'))
  })
  assert.match(said, /the console of an Espruino board.*Connect the pins of the meter's line/)
  const started = await saidOf((_, say) =>
    say(text('\r\n 2v29.277 (c) 2026 G.Williams\r\n\r\nEspruino is Open Source.\r\n>')),
  )
  assert.match(started, /the console of an Espruino board/)
})

test('a console that echoes, or shows a login prompt', async () => {
  assert.match(await saidOf((bytes, say) => say(printable(bytes))), /writes text or echoes, as a console does/)
  const login = await saidOf((_, say) => say(text('\r\nraspberrypi login: ')))
  assert.match(login, /switch the login console off its UART/)
})

test('a line that corrupts most bytes', async () => {
  const random = createRandom(4)
  const said = await saidOf((_, say) => {
    for (let i = 0; i < 3; i++) say(Uint8Array.from([...random.bytes(20), 0]))
  })
  assert.match(said, /frames came damaged|not one frame/)
})

async function problemOf(url: string): Promise<string> {
  return openPort(url, 115200, { data: () => {}, closed: () => {} }).then(
    () => 'opened',
    (error: Error) => error.message,
  )
}

test('what is no serial port is named', async () => {
  assert.match(await problemOf(folder), /is not a serial port: name one of/)
  assert.match(await problemOf('/dev/null'), /is not a serial port/)
})

if (hasSocat) {
  const plugged = async (name: string) => {
    const ends = [join(folder, `${name}-meter`), join(folder, `${name}-bridge`)] as const
    return { ends, pty: await plugPty(ends[0], ends[1]) }
  }

  // The bench "ports" does this a thousand times, and measures how soon they are back.
  test('unplugged and plugged in again and again: back each time, nothing left behind', async () => {
    const { talked, problems, before, after } = await unplugCycles(5, 2, () => {})
    assert.is(talked, 5)
    assert.equal(problems, [])
    assert.equal([after.files, after.listeners], [before.files, before.listeners])
  })

  test('an idle port that disappears without an error is noticed at both ends, and opened again', async () => {
    const { ends, pty } = await plugged('silent')
    const paths = ends.map((end) => `${end}-link`)
    for (const [i, end] of ends.entries()) symlinkSync(end, paths[i]!)
    const news: string[] = []
    const line = createLine(paths[1]!, openPort, { ...defaultLineLimits, watchMs: 50 }, systemTiming)
    let told = () => {}
    const state = (wanted: string) =>
      new Promise<void>((resolve) => {
        told = () => news.at(-1) === wanted && resolve()
        told()
      })
    line.hold((what) => {
      news.push(what.state)
      told()
    })
    await state('open')
    const meter = await openLine(paths[0]!, 115200)
    assert.ok(meter.ok)
    if (!meter.ok) return
    const gone = new Promise<string>((resolve) => meter.line.onClose(resolve))
    // The devices still exist and are silent; only their names are removed.
    for (const path of paths) renameSync(path, `${path}-away`)
    await state('unavailable')
    assert.equal(news, ['open', 'lost', 'unavailable'])
    assert.match(await gone, /is gone/)
    renameSync(`${paths[1]}-away`, paths[1]!)
    await state('open')
    await line.close()
    await meter.line.close()
    await pty.unplug()
  })

  test('a port in use is named with what finds the other program', async () => {
    const { ends, pty } = await plugged('busy')
    const first = await openPort(ends[1], 115200, { data: () => {}, closed: () => {} })
    assert.match(await problemOf(ends[1]), /in use by another program.*fuser -v \S+busy-bridge names it/)
    await first.close()
    assert.is(await problemOf(ends[1]), 'opened')
    await pty.unplug()
  })

  test('a port that may not be opened is named with the group that may, or with the rule that lets one', async () => {
    const { ends, pty } = await plugged('forbidden')
    const script = `import { openPort } from './dist/host/wan/bindings.js'
      openPort(process.argv[1], 115200, { data: () => {}, closed: () => {} }).then(
        () => console.log('opened'), (error) => console.log(error.message))`
    // The superuser may open anything: another user tries.
    const asNobody = process.getuid?.() === 0 ? { uid: 65534, gid: 65534 } : {}
    const ask = () =>
      spawnSync(process.execPath, ['--input-type=module', '-e', script, ends[1]], {
        ...asNobody,
        encoding: 'utf8',
      }).stdout ?? ''
    chmodSync(folder, 0o755)
    chmodSync(ends[1], 0o060)
    const said = ask()
    // Where that user may not run Node or read the program, there is nothing to test.
    if (said !== '')
      assert.match(said, /permission denied: add yourself to the group that owns it \(sudo usermod -aG \w+ \$USER\)/)
    else leaveOut(test, 'who may open a port', 'no other user may run this Node or read this program')
    chmodSync(ends[1], 0o000)
    const closed = ask()
    if (closed !== '')
      assert.match(closed, /permission denied: its mode is 0, so its group \w+ may not use it: a udev rule/)
    await pty.unplug()
  })
} else leaveOut(test, 'serial devices', 'socat is not installed (apt-get install socat)')

test.run()
