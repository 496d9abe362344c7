// A meter put onto a board by its prompt: against a simulated prompt that is cut and damaged anywhere.

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { createRandom } from '../../../emulation/random.ts'
import type { VirtualClock } from '../../../emulation/virtual-clock.ts'
import { flashPagesFull, pageBytes } from '../../../firmware/flash-map.ts'
import { defaultConfiguration, readSettings } from '../../../firmware/settings.ts'
import { boards } from '../../../hardware/boards/boards.ts'
import { createMemoryFlash } from '../../../hardware/emulator/flash-file.ts'
import { askBoard } from '../../../hardware/install/board-facts.ts'
import { connectPrompt, PromptError } from '../../../hardware/install/espruino-prompt.ts'
import { installMeter, startInstalled, uninstallMeter } from '../../../hardware/install/flash-board.ts'
import { boardSettings, loadFlashDriver } from '../../../hardware/install/installed-settings.ts'
import type { PromptSim } from '../../../hardware/install/prompt-simulator.ts'
import type { MeterSettings } from '../../../hardware/settings/settings-file.ts'
import { euiFromBytes, euiToBytes } from '../../../protocol/bytes.ts'
import { blankBoard } from '../../support/espruino/blank-board.ts'

const row = boards.linux
const eui = euiToBytes('00-DB-12-34-56-78-90-A0')
const settings: MeterSettings = {
  eui,
  key: createRandom(1).bytes(32),
  configuration: { ...defaultConfiguration(), pulsesPerKwh: 800 },
}
/** A script in place of the real one, which only Espruino runs; no byte of it looks like blank flash. */
const script = Buffer.from(Buffer.from(createRandom(2).bytes(3000)).toString('base64'))
const otherScript = Buffer.from(Buffer.from(createRandom(3).bytes(3100)).toString('base64'))
const base = 0x10000400
/** As hardware/bundle.ts makes it, but not as short. */
const driver = `global.readFlash=(a,n)=>require("Flash").read(n,${base}+a);global.programFlash=(a,b)=>require("Flash").write(b,${base}+a);global.eraseFlash=p=>{for(let i=0;i<4;i++)require("Flash").erasePage(${base}+p*4096+i*1024)}`

interface Given {
  script: Uint8Array | undefined
  settings: MeterSettings | undefined
  erase: boolean
}

async function install(sim: PromptSim, clock: VirtualClock, given: Partial<Given> = {}) {
  const first = await connectPrompt(sim.port, 115200, clock)
  await first.restart('reset()')
  const prompt = await connectPrompt(sim.port, 115200, clock)
  const facts = await askBoard(prompt, row, '')
  const parts = { row, facts, script, driver, settings, erase: false, progress: () => {}, step: () => {}, ...given }
  const installed = await installMeter(prompt, parts)
  return { prompt, installed }
}

/** What the meter finds in its pages when it starts. */
function settingsIn(sim: PromptSim) {
  const flash = createMemoryFlash({ pageBytes, pages: flashPagesFull })
  for (let page = 0; page < flashPagesFull; page++) {
    const at = 0x400 + page * pageBytes
    flash.program(page * pageBytes, sim.storage.cells.slice(at, at + pageBytes))
  }
  return readSettings(flash)
}

function assertWhole(sim: PromptSim, expected: Uint8Array = script): void {
  assert.equal(Buffer.from(sim.storage.read('smets1')!), Buffer.from(expected))
  const found = settingsIn(sim)!
  assert.equal(found.key, settings.key)
  assert.is(found.configuration.pulsesPerKwh, 800)
  sim.start()
  assert.is(sim.halfStarts, 0)
}

const faultOf = (error: unknown) => (error instanceof PromptError ? error.fault : String(error))

test('installed on a blank board, it starts; a second run sends nothing', async () => {
  const { sim, clock } = blankBoard()
  const { prompt, installed } = await clock.run(install(sim, clock))
  assert.is(installed.bytesSent, script.length)
  assert.is(installed.eui, euiFromBytes(eui))
  assert.is(await clock.run(startInstalled(prompt)), 'started, boot 1')
  assertWhole(sim)
  assert.is((await clock.run(install(sim, clock))).installed.bytesSent, 0)
  assertWhole(sim)
})

test('over a running meter with a watchdog: reset() ends what feeds it, and the board does not restart', async () => {
  const feeding = "E.enableWatchdog(8,false);setInterval(()=>E.kickWatchdog(),250);print('smets1: started, boot 1');"
  const running = Buffer.from(feeding.padEnd(20000, ' '))
  const { sim, clock } = blankBoard({ runsScript: true, baud: 9600 })
  const first = await clock.run(install(sim, clock, { script: running }))
  await clock.run(startInstalled(first.prompt))
  await clock.pass(60000)
  assert.is(sim.starts, 1)
  const againAtMs = clock.nowMs()
  const again = await clock.run(install(sim, clock, { script: running }))
  assert.is(again.installed.bytesSent, 0)
  assert.ok(clock.nowMs() - againAtMs > 8000)
  assert.is(sim.starts, 1)
  // Left alone after reset() it does restart.
  await clock.pass(9000)
  assert.is(sim.starts, 2)
})

test('no key is echoed, and no line is longer than a receive buffer takes', async () => {
  const { sim, clock } = blankBoard({ rxBytes: 512 })
  await clock.run(install(sim, clock))
  assert.is(sim.count.overrun, 0)
  const key = Buffer.from(settings.key)
  for (const form of ['latin1', 'hex', 'base64'] as const) {
    // Any of its thirds in base64, whatever stands before it.
    const text = key.toString(form).slice(4, 36)
    assert.not.ok(sim.said().includes(text), form)
  }
  for (let shift = 0; shift < 3; shift++) {
    const inside = Buffer.concat([Buffer.alloc(shift), key])
      .toString('base64')
      .slice(8, 40)
    assert.not.ok(sim.said().includes(inside), `shifted by ${shift}`)
  }
})

test('power lost before any line, it starts nothing half, and the next run completes it', async () => {
  const { sim: whole, clock: wholeClock } = blankBoard()
  await wholeClock.run(install(whole, wholeClock))
  const lines = whole.count.lines
  assert.ok(lines > 60, `${lines} lines`)
  for (let at = 0; at < lines; at++) {
    const { sim, clock } = blankBoard()
    sim.cutBefore = (line) => line === at
    const failed = await clock.run(install(sim, clock).then(() => 'done', faultOf))
    assert.match(failed, /lost|silent|notEspruino/, `line ${at}`)
    sim.cutBefore = () => false
    sim.start()
    assert.is(sim.halfStarts, 0, `line ${at}`)
    await clock.run(install(sim, clock))
    assertWhole(sim)
  }
})

test('power lost inside any write of another script over the first: never a half one starts', async () => {
  const { sim: model, clock: modelClock } = blankBoard()
  await modelClock.run(install(model, modelClock))
  const before = model.storage.cells.slice()
  const first = model.count.writes
  await modelClock.run(install(model, modelClock, { script: otherScript }))
  const writes = model.count.writes - first
  assert.ok(writes > 20, `${writes} writes`)
  for (let at = 0; at < writes; at++) {
    const { sim, clock } = blankBoard({ cells: before.slice() })
    sim.cutAtWrite = at
    await clock.run(install(sim, clock, { script: otherScript }).then(() => 'done', faultOf))
    sim.cutAtWrite = -1
    sim.start()
    assert.is(sim.halfStarts, 0, `write ${at}`)
    await clock.run(install(sim, clock, { script: otherScript }))
    assertWhole(sim, otherScript)
  }
})

test('bytes damaged and lost in both directions cost time, and nothing else', async () => {
  for (let seed = 1; seed <= 25; seed++) {
    const random = createRandom(seed)
    const { sim, clock } = blankBoard()
    const spoil = (byte: number) => {
      const chance = random.below(4000)
      return chance === 0 ? undefined : chance === 1 ? byte ^ (1 << random.below(8)) : byte
    }
    sim.toBoard = spoil
    sim.fromBoard = spoil
    await clock.run(install(sim, clock)).catch((error) => assert.unreachable(`seed ${seed}: ${error.message}`))
    sim.toBoard = (byte) => byte
    sim.fromBoard = (byte) => byte
    assertWhole(sim)
  }
})

test('a restart in the middle is reported, and the next run continues from there', async () => {
  const { sim, clock } = blankBoard()
  let restart = true
  sim.cutBefore = (line) => {
    if (line === 60 && restart) {
      restart = false
      clock.after(500, () => sim.start())
      return true
    }
    return false
  }
  assert.is(await clock.run(install(sim, clock).then(() => 'done', faultOf)), 'restarted')
  const { installed } = await clock.run(install(sim, clock))
  assert.ok(installed.bytesSent < script.length, `${installed.bytesSent} sent again`)
  assertWhole(sim)
})

test('a key alone is changed: the configuration on the board stays, the old key is gone', async () => {
  const { sim, clock } = blankBoard()
  await clock.run(install(sim, clock))
  const key = createRandom(9).bytes(32)
  await clock.run(install(sim, clock, { script: undefined, settings: { eui, key } }))
  const found = settingsIn(sim)!
  assert.equal(found.key, key)
  assert.is(found.configuration.pulsesPerKwh, 800)
  const cells = Buffer.from(sim.storage.cells)
  assert.is(cells.indexOf(Buffer.from(settings.key)), -1)
  sim.start()
  assert.is(sim.starts, 1)
})

/** Whether any eight bytes of a key are in the flash. */
function hasKey(cells: Uint8Array, key: Uint8Array): boolean {
  const flash = Buffer.from(cells)
  return Array.from({ length: key.length - 7 }, (_, i) => key.subarray(i, i + 8)).some((part) =>
    flash.includes(Buffer.from(part)),
  )
}

test('a rotation cut inside any operation, and run again, leaves nothing of the old key in the whole flash', async () => {
  const { sim: model, clock: modelClock } = blankBoard()
  await modelClock.run(install(model, modelClock))
  const before = model.storage.cells.slice()
  assert.ok(hasKey(before, settings.key))
  const done = { ...model.count }
  const rotated = { script: undefined, settings: { eui, key: createRandom(9).bytes(32) } }
  await modelClock.run(install(model, modelClock, rotated))
  const writes = model.count.writes - done.writes
  const lines = model.count.lines - done.lines
  assert.ok(writes >= 6 && lines > writes, `${writes} writes, ${lines} lines`)
  for (let at = 0; at < writes + lines; at++) {
    const { sim, clock } = blankBoard({ cells: before.slice() })
    if (at < writes) sim.cutAtWrite = at
    else sim.cutBefore = (line) => line === at - writes
    await clock.run(install(sim, clock, rotated).then(() => 'done', faultOf))
    sim.cutAtWrite = -1
    sim.cutBefore = () => false
    sim.start()
    assert.ok(settingsIn(sim) !== undefined, `operation ${at}`)
    await clock.run(install(sim, clock, rotated))
    assert.equal(settingsIn(sim)!.key, rotated.settings.key)
    assert.not.ok(hasKey(sim.storage.cells, settings.key), `operation ${at}`)
  }
})

test('taken off, nothing starts and no key is left; the logs stay until they are asked for', async () => {
  const { sim, clock } = blankBoard()
  await clock.run(install(sim, clock))
  const log = 0x400 + 5 * pageBytes
  sim.storage.cells.fill(0x55, log, log + 64)
  const uninstall = async (logs: boolean) => {
    const prompt = await connectPrompt(sim.port, 115200, clock)
    return uninstallMeter(prompt, { row, facts: await askBoard(prompt, row, ''), driver, logs, progress: () => {} })
  }
  assert.is(await clock.run(uninstall(false)), 'logs')
  assert.is(Buffer.from(sim.storage.cells).indexOf(Buffer.from(settings.key)), -1)
  assert.is(sim.storage.cells[log], 0x55)
  sim.start()
  assert.is(sim.starts, 0)
  await clock.run(install(sim, clock))
  assert.is(sim.storage.cells[log], 0x55)
  assert.is(await clock.run(uninstall(true)), 'nothing')
  assert.equal(sim.storage.storage.list!(), [])
  assert.is(await clock.run(uninstall(true)), 'nothing')
})

test('the settings of another meter are seen without its key being read', async () => {
  const { sim, clock } = blankBoard()
  const { prompt } = await clock.run(install(sim, clock))
  await clock.run(loadFlashDriver(prompt, driver))
  const found = await clock.run(boardSettings(prompt, row))
  assert.is(found?.eui, euiFromBytes(eui))
  const read = [...sim.said().matchAll(/"v":"([A-Za-z0-9+/=]+)"/g)].map(([, text]) => Buffer.from(text!, 'base64'))
  assert.ok(read.some((bytes) => bytes.includes(Buffer.from(eui))))
  assert.not.ok(read.some((bytes) => bytes.includes(Buffer.from(settings.key).subarray(0, 8))))
})

test('a program that left half a line, or waits in one, is no hindrance', async () => {
  for (const left of ['foo(', 'foo(1,\n', 'let a = "', '\x1b']) {
    const { sim, clock } = blankBoard()
    sim.port.write(Buffer.from(left))
    await clock.run(install(sim, clock))
    assertWhole(sim)
  }
})

test.run()
