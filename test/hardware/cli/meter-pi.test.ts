// smets1 meter --board pi as a user runs it, on programs that stand in for libgpiod's.

import { spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import type { Flash } from '../../../firmware/board.ts'
import { flashPagesFull, pageBytes } from '../../../firmware/flash-map.ts'
import { openLogs } from '../../../firmware/logs.ts'
import { createMeter } from '../../../firmware/meter.ts'
import { meterCommand } from '../../../hardware/cli/meter.ts'
import { provisionFlash } from '../../../hardware/cli/provision.ts'
import { systemTimers } from '../../../hardware/emulator/emulated-board.ts'
import { createMemoryFlash, openFlashFile } from '../../../hardware/emulator/flash-file.ts'
import { openPulseInputs } from '../../../hardware/pi/gpio.ts'
import { systemGpioTools } from '../../../hardware/pi/gpio-tools.ts'
import { createPiBoard } from '../../../hardware/pi/pi.ts'
import type { PulseInput } from '../../../hardware/pi/pulse-input.ts'
import { parsePulseInput } from '../../../hardware/pi/pulse-input.ts'
import { takeLock } from '../../../host/runtime/lock-file.ts'
import { euiToBytes } from '../../../protocol/bytes.ts'
import { eventCode } from '../../../protocol/event-entry.ts'
import { startOfHalfHour } from '../../../protocol/half-hour.ts'
import { type Run, smets1 } from '../../support/bench/cli.ts'
import { leaveOut } from '../../support/left-out.ts'
import type { FakePrograms } from '../../support/sim/fake-gpio.ts'
import { fakePrograms } from '../../support/sim/fake-gpio.ts'
import { until } from '../../support/until.ts'

const geometry = { pageBytes, pages: flashPagesFull }
const test = suite('pi-command')
let folder = ''
let flash = ''
let programs: FakePrograms | undefined
let run: Run | undefined

test.before.each(() => {
  folder = mkdtempSync(join(tmpdir(), 'smets1-pi-'))
  flash = join(folder, 'meter.flash')
  provisionFlash(flash, {
    eui: euiToBytes('00-DB-12-34-56-78-90-A0'),
    key: new Uint8Array(32).fill(7),
    pulsesPerKwh: 1000,
  })
})
test.after.each(() => {
  run?.child.kill('SIGKILL')
  programs?.remove()
  run = undefined
  programs = undefined
  rmSync(folder, { recursive: true, force: true })
})

/** A copy of what the meter's flash holds, also while it runs. */
function flashNow(): Flash {
  const bytes = readFileSync(flash)
  const cells = createMemoryFlash(geometry)
  for (let at = 0; at < bytes.length; at += pageBytes) cells.program(at, bytes.subarray(at, at + pageBytes))
  return cells
}

/** Any character device passes for a chip with programs that do not look at it. */
const chip = '/dev/null'

function use(lines: number[], busy = false): { [name: string]: string } {
  programs = fakePrograms(lines, busy)
  return { PATH: `${programs.folder}:${process.env.PATH}` }
}

function args(...inputs: string[]): string[] {
  return ['meter', '--board', 'pi', '--port', `unix://${join(folder, 'm.sock')}`, '--flash', flash, ...inputs]
}

function alive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch {
    return false
  }
}

/** Runs the command here, for what ends by itself: exit code and words. */
async function here(options: Record<string, unknown>, env: NodeJS.ProcessEnv = process.env) {
  const said = { out: '', err: '' }
  const stdout = (text: string) => {
    said.out += text
  }
  const stderr = (text: string) => {
    said.err += text
  }
  const given = { board: 'pi', port: `unix://${join(folder, 'm.sock')}`, flash, ...options }
  return { code: await meterCommand.run(given, { stdout, stderr, isTerminal: false, env, takeLock }), ...said }
}

test('errors in options are reported before anything is changed', async () => {
  const cases: [Record<string, unknown>, RegExp][] = [
    [{}, /name an input, as in --pulse-import GPIO17/],
    [{ pulseImport: 'PIN1' }, /names no line/],
    [{ pulseImport: [17, 18] }, /--pulse-import was given more than once/],
    [{ pulseReactiveExport: true }, /--pulse-reactive-export needs a value/],
    [{ pulseImport: 17, load: 'x.csv' }, /--load is for a simulated load/],
    [{ pulseImport: 17, yearEnds: true }, /--year-ends is for a simulated load/],
    [{ pulseImport: 17, catchUp: false }, /--no-catch-up is for a simulated load/],
    [{ pulseImport: 17, lastGasp: true }, /--last-gasp is for a simulated load/],
    [{ pulseImport: 17, port: undefined }, /--port is missing/],
    [{ pulseImport: 17, flash: undefined }, /--flash is missing/],
    [{ pulseImport: 17, baud: 'fast' }, /--baud is a whole number/],
  ]
  for (const [options, words] of cases) {
    const { code, out, err } = await here(options)
    assert.is(code, 2, err)
    assert.is(out, '')
    assert.match(err, words)
  }
})

test('a flash without a meter, a missing or wrong chip, no tool: each is reported with the fix', async () => {
  const none = await here({ pulseImport: 17, flash: `${flash}2` })
  assert.is(none.code, 3)
  assert.match(none.err, /no such file/)
  openFlashFile(`${flash}3`, geometry).close()
  const blank = await here({ pulseImport: 17, flash: `${flash}3` })
  assert.is(blank.code, 3)
  assert.match(blank.err, /no identity and no key/)
  const file = join(folder, 'chip')
  writeFileSync(file, '')
  const cases: [string, NodeJS.ProcessEnv, RegExp][] = [
    ['/dev/gpiochip987:17', process.env, /\/dev\/gpiochip987 does not exist/],
    [`${file}:17`, process.env, /is no GPIO chip/],
    [`${chip}:17`, { PATH: folder }, /sudo apt install gpiod/],
  ]
  for (const [pulseImport, env, words] of cases) {
    const { code, err } = await here({ pulseImport }, env)
    assert.is(code, 20, err)
    assert.match(err, words)
  }
  const held = openFlashFile(flash, geometry, { takeLock })
  assert.match((await here({ pulseImport: 17 })).err, /in use by process/)
  held.close()
  assert.not(existsSync(`${flash}.lock`))
})

if (!existsSync('/dev/gpiochip0')) {
  test('a machine without GPIO is reported', async () => {
    const { code, err } = await here({ pulseImport: 'GPIO17' })
    assert.is(code, 20)
    assert.match(err, /^no GPIO: there is no \/dev\/gpiochip\*/)
  })
} else leaveOut(test, 'a machine without GPIO', 'this one has it')

if (spawnSync('setpriv', ['--version']).status !== 0 || spawnSync('mkfifo', ['--version']).status !== 0) {
  leaveOut(test, 'counting through programs', 'setpriv (util-linux) or mkfifo (coreutils) is not installed')
} else {
  test('a GPIO line in use by another program is reported and ends the command', async () => {
    const { code, err } = await here({ pulseImport: `${chip}:17` }, use([17], true))
    assert.is(code, 20)
    assert.match(err, /no pulse input import \(\/dev\/null:17\): another program or driver has this line/)
  })

  test('it reports counts, records a last gasp on SIGPWR, survives a lost gpiomon, and saves its counts when stopped', async () => {
    const env = use([17, 27])
    run = smets1(args('--json', '--pulse-import', `${chip}:17`, '--pulse-export', `${chip}:27,rising,debounce=20`), env)
    await run.says('"ready":true')
    assert.equal(JSON.parse(run.out()).inputs, ['import (/dev/null:17)', 'export (/dev/null:27)'])
    const lost = programs!.watcher(17)
    assert.ok(lost.args.includes('--bias=pull-up') && lost.args.includes('--debounce-period=5ms'))
    const other = programs!.watcher(27)
    assert.ok(other.args.includes('--edges=rising') && other.args.includes('--debounce-period=20ms'))
    // What is no edge is said, and so tells that all before it was read.
    programs!.write(17, `${'2 5.000000000\n'.repeat(37)}all of it\n`)
    await until(() => run!.err().includes('all of it'), 'the pulses are read')
    run.child.kill('SIGPWR')
    await until(() => run!.err().includes('SIGPWR'), 'SIGPWR is said')
    const gasped = openLogs(flashNow())
    assert.is(gasped.events.lastCode, eventCode.lastGasp)
    assert.equal([...gasped.journal.registers], [37, 0, 0, 0])
    process.kill(lost.pid, 'SIGKILL')
    await until(() => run!.err().includes('import (/dev/null:17) is lost'), 'the loss is said')
    await until(() => run!.err().includes('is watched again'), 'it is watched again')
    const again = programs!.watcher(17)
    assert.is.not(again.pid, lost.pid)
    programs!.write(27, `${'1 5.000000000\n'.repeat(11)}and of that\n`)
    await until(() => run!.err().includes('and of that'), 'the pulses are read')
    run.child.kill('SIGTERM')
    assert.is(await run.ended, 0, run.err())
    await until(() => !alive(again.pid) && !alive(other.pid), 'both programs are gone')
    assert.equal([...openLogs(flashNow()).journal.registers], [37, 11, 0, 0])
    assert.not(existsSync(`${flash}.lock`))
    assert.not(existsSync(join(folder, 'm.sock')))
  })

  test('a killed meter leaves no program that would keep its line from the next one', async () => {
    const env = use([17])
    run = smets1(args('--pulse-import', `${chip}:17`), env)
    await run.says('Ctrl-C stops it')
    const { pid } = programs!.watcher(17)
    assert.ok(alive(pid))
    run.child.kill('SIGKILL')
    await run.ended
    await until(() => !alive(pid), 'the program is gone')
  })

  test('edges from the programs become Wh in the log of the firmware', async () => {
    const env = use([17, 27])
    const wanted = [
      parsePulseInput('import', `${chip}:17`) as PulseInput,
      parsePulseInput('export', `${chip}:27`) as PulseInput,
    ]
    const said: string[] = []
    const world = { tools: systemGpioTools(env), timers: systemTimers, say: (text: string) => said.push(text) }
    const opened = await openPulseInputs(wanted, world)
    if (!opened.ok) throw new Error(opened.problem)
    let nowMs = startOfHalfHour(980000)
    const cells = flashNow()
    // Counted twice over: as the board hands pulses on, and as the meter adds them up.
    const sums = [0, 0, 0, 0]
    const inputs = {
      take() {
        const taken = opened.inputs.take()
        for (const [i, count] of taken.entries()) sums[i]! += count
        return taken
      },
    }
    const board = createPiBoard({
      flash: cells,
      inputs,
      nowMs: () => nowMs,
      send: () => {},
      baud: 0,
      timers: systemTimers,
    })
    const meter = createMeter(board)
    for (let i = 0; i < 321; i++) programs!.write(17, `2 ${i}.000000000\n`)
    for (let i = 0; i < 45; i++) programs!.write(27, `2 ${i}.000000000\n`)
    await until(() => {
      meter.step()
      return sums[0] === 321 && sums[1] === 45
    }, 'count of all pulses')
    nowMs = startOfHalfHour(980001)
    meter.step()
    opened.inputs.close()
    assert.is(meter.importWh(), 321)
    assert.is(meter.lastHalfHour(), 980000)
    assert.equal(sums, [321, 45, 0, 0])
    assert.equal(said, [])
  })
}

test.run()
