// Pulse inputs: what is counted, what happens when a gpiomon ends, what keeps them from being had. No GPIO is needed.

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { createVirtualClock, type VirtualClock } from '../../../emulation/virtual-clock.ts'
import type { PulseInputs } from '../../../hardware/pi/gpio.ts'
import { openPulseInputs } from '../../../hardware/pi/gpio.ts'
import type { GpioTools } from '../../../hardware/pi/gpio-tools.ts'
import type { PulseInput, PulseKind } from '../../../hardware/pi/pulse-input.ts'
import { parsePulseInput } from '../../../hardware/pi/pulse-input.ts'
import type { FakeTools } from '../../support/sim/fake-gpio.ts'
import { fakeTools, printedVersion, timersOf } from '../../support/sim/fake-gpio.ts'

function inputs(named: { [kind in PulseKind]?: string }): PulseInput[] {
  return Object.entries(named).map(([kind, text]) => parsePulseInput(kind as PulseKind, text) as PulseInput)
}

interface Bench {
  clock: VirtualClock
  tools: FakeTools
  said: string[]
  inputs: PulseInputs
}

/** Inputs that are had, whatever gpiomon of either version does for that. */
async function open(version: 1 | 2, named: { [kind in PulseKind]?: string }): Promise<Bench> {
  const clock = createVirtualClock(0)
  const tools = fakeTools(printedVersion[version])
  const said: string[] = []
  const wanted = inputs(named)
  const opening = openPulseInputs(wanted, { tools, timers: timersOf(clock), say: (text) => said.push(text) })
  await clock.pass(0)
  if (version === 2) for (const monitor of tools.monitors) monitor.says("Monitoring line 'x'...\n")
  const opened = await clock.run(opening)
  if (!opened.ok) throw new Error(opened.problem)
  return { clock, tools, said, inputs: opened.inputs }
}

async function problemOf(wanted: PulseInput[], tools: GpioTools): Promise<string> {
  const clock = createVirtualClock(0)
  const opened = await clock.run(openPulseInputs(wanted, { tools, timers: timersOf(clock), say: () => {} }))
  return opened.ok ? 'none' : opened.problem
}

test('each input counts for itself, and reading sets the counts back', async () => {
  const { tools, inputs: pulses } = await open(2, {
    'reactive-export': '4',
    import: '1',
    export: '2,rising',
    'reactive-import': '3',
  })
  assert.equal(
    tools.monitors.map(({ args }) => args.at(-1)),
    ['4', '1', '2', '3'],
  )
  for (const [i, times] of [5, 2, 3, 4].entries()) {
    for (let n = 0; n < times; n++) tools.monitors[i]!.says(`2 ${n}.000000000\n`)
  }
  assert.equal(pulses.take(), [2, 3, 4, 5])
  assert.equal(pulses.take(), [0, 0, 0, 0])
  tools.monitors[1]!.says('2 9.00000')
  assert.equal(pulses.take(), [0, 0, 0, 0])
  tools.monitors[1]!.says('0000\n2 9.100000000\n2 9.2')
  assert.equal(pulses.take(), [2, 0, 0, 0])
  pulses.close()
  assert.ok(tools.monitors.every(({ stopped }) => stopped))
})

test('version 1, which cannot debounce, is debounced here; with a debounce of 0 nothing is', async () => {
  const one = await open(1, { import: '17' })
  // Down for 50 ms with bounces of 1 ms at both ends, then a glitch of 2 ms, then down for 50 ms.
  const edges: [number, number][] = [
    ...([
      [0, 100],
      [1, 101],
      [0, 102],
      [1, 152],
      [0, 153],
      [1, 154],
    ] as [number, number][]),
    ...([
      [0, 500],
      [1, 502],
      [0, 900],
      [1, 950],
    ] as [number, number][]),
  ]
  for (const [level, ms] of edges) one.tools.monitors[0]!.says(`${level} 7 ${ms * 1e6}\n`)
  assert.is(one.inputs.take()[0], 2)
  const raw = await open(1, { import: '17,debounce=0' })
  assert.ok(raw.tools.monitors[0]!.args.includes('--falling-edge'))
  raw.tools.monitors[0]!.says('0 7 1\n0 7 2\n')
  assert.is(raw.inputs.take()[0], 2)
})

test('a lost input is reported once, retried at growing intervals, and counts again', async () => {
  for (const version of [1, 2] as const) {
    const { clock, tools, said, inputs: pulses } = await open(version, { import: '17,debounce=0' })
    const edge = version === 1 ? '0 1 0\n' : '2 1.000000000\n'
    tools.monitors[0]!.says(edge)
    const startedMs: number[] = []
    tools.monitors[0]!.ends('gpiomon ended with SIGKILL')
    for (let i = 1; i < 9; i++) {
      while (tools.monitors.length === i) await clock.pass(100)
      startedMs.push(clock.nowMs())
      tools.monitors[i]!.ends('gpiomon ended with SIGKILL')
    }
    const waits = startedMs.map((ms, i) => Math.round((ms - (startedMs[i - 1] ?? startedMs[0]! - 1000)) / 1000))
    assert.equal(waits, [1, 2, 4, 8, 16, 32, 60, 60])
    assert.is(said.length, 1, said.join('\n'))
    assert.match(said[0]!, /import \(GPIO17\) is lost, its pulses are not counted: gpiomon ended with SIGKILL/)
    while (tools.monitors.length === 9) await clock.pass(100)
    const last = tools.monitors[9]!
    if (version === 2) last.says("Monitoring line '17'...\n")
    await clock.pass(300)
    assert.match(said[1]!, /is watched again/)
    last.says(edge)
    // What was counted before the loss is not lost with it.
    assert.is(pulses.take()[0], 2)
    // After ten seconds of work the next loss waits shortly again.
    await clock.pass(10000)
    last.ends('gpiomon: x: Device or resource busy')
    assert.match(said[2]!, /another program or driver has this line/)
    await clock.pass(1000)
    assert.is(tools.monitors.length, 11)
    pulses.close()
  }
})

test('closed inputs say nothing and start nothing, whatever ends', async () => {
  const { clock, tools, said, inputs: pulses } = await open(2, { import: '17', export: '27' })
  tools.monitors[0]!.ends('gpiomon ended with SIGKILL')
  pulses.close()
  tools.monitors[1]!.ends('gpiomon ended with SIGKILL')
  await clock.pass(600000)
  assert.is(tools.monitors.length, 2)
  assert.is(said.length, 1)
})

test('output that is not an edge is reported once, never counted, and not stored', async () => {
  const { tools, said, inputs: pulses } = await open(2, { import: '17' })
  const before = process.memoryUsage().heapUsed
  for (let i = 0; i < 100; i++) tools.monitors[0]!.says('x'.repeat(1 << 20))
  assert.ok(process.memoryUsage().heapUsed - before < 32 << 20)
  tools.monitors[0]!.says('\nnonsense\n2 1.000000000\n')
  assert.is(pulses.take()[0], 1)
  assert.is(said.length, 1)
  assert.match(said[0]!, /which is not an edge/)
  assert.ok(said[0]!.length < 300)
})

test('the reason why inputs cannot be opened is given, with the fix', async () => {
  const one = inputs({ import: '17' })
  const cases: [PulseInput[], FakeTools, RegExp][] = [
    [one, fakeTools(undefined, undefined, []), /^no GPIO: there is no \/dev\/gpiochip\*.*--board emulated/],
    [inputs({ import: '3:17' }), fakeTools(printedVersion[2]), /^no GPIO: \/dev\/gpiochip3 does not exist/],
    [inputs({ import: '0:17' }), fakeTools(undefined), /^no GPIO: gpiomon .*apt install gpiod/],
    [one, fakeTools('gpiomon (libgpiod) v9.0\nCopyright'), /says "gpiomon \(libgpiod\) v9\.0"; versions 1 and 2/],
    [
      one,
      fakeTools(printedVersion[2], 'gpiochip0 [INT34C5:00] (360 lines)\n'),
      /gpiochip0 \[INT34C5:00\].*gpiochip0:17/,
    ],
    [inputs({ import: '17', export: 'GPIO17' }), fakeTools(printedVersion[2]), /import .* and export .* are one line/],
  ]
  for (const [wanted, tools, words] of cases) {
    assert.match(await problemOf(wanted, tools), words)
    assert.is(tools.monitors.length, 0)
  }
  // No tool at all to detect chips with.
  const bare: GpioTools = { ...fakeTools(undefined), run: async () => undefined }
  assert.match(await problemOf(one, bare), /apt install gpiod/)
})

test('when one line cannot be had at the start, the others are let go and nothing is tried again', async () => {
  const clock = createVirtualClock(0)
  const tools = fakeTools(printedVersion[2])
  const said: string[] = []
  const wanted = inputs({ import: '17', export: '27' })
  const opening = openPulseInputs(wanted, { tools, timers: timersOf(clock), say: (text) => said.push(text) })
  await clock.pass(0)
  tools.monitors[0]!.says("Monitoring line '17'...\n")
  tools.monitors[1]!.ends('gpiomon: unable to request lines on chip /dev/gpiochip0: Device or resource busy')
  const opened = await clock.run(opening)
  assert.not(opened.ok)
  assert.match(opened.ok ? '' : opened.problem, /^no pulse input export \(GPIO27\): another program or driver/)
  assert.ok(tools.monitors[0]!.stopped)
  await clock.pass(600000)
  assert.is(tools.monitors.length, 2)
  assert.equal(said, [])
})

test.run()
