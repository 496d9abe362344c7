// The bundle on a real Espruino for Linux: ESPRUINO names the interpreter, ESPRUINO_SMALL one whose heap is that of an
// Espruino Pico (5,100 variables). Prints what it measures: absolute times are this machine's, not a board's.

import { randomBytes } from 'node:crypto'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { flashPagesFull, pageBytes } from '../../firmware/flash-map.ts'
import { bundleFirmware } from '../../hardware/build/bundle.ts'
import { halfHourOf } from '../../protocol/half-hour.ts'
import type { ProfileDay } from '../../protocol/profile-coding.ts'
import { askUntil, type EspruinoRun, evaluate, runBundle } from '../support/espruino/interpreter.ts'
import { libraryCases } from '../support/espruino/library-cases.ts'
import { subsetCases } from '../support/espruino/subset-cases.ts'
import { commands, tryWithin } from '../support/espruino/year-old-meter.ts'
import { hasSocat, leaveOut } from '../support/left-out.ts'
import { boardEui, type RecordedFlash, recordedDaysBefore } from '../support/sim/board-flash.ts'
import { until } from '../support/until.ts'

/** Wakes the meter and reads. */
async function read(run: EspruinoRun, first: number, count: number): Promise<ProfileDay[]> {
  const { asker } = run
  asker.wake(boardEui, new Uint8Array(randomBytes(8)))
  await until(asker.awake, 'awake')
  const isOver = () => asker.days() !== undefined || asker.refusal() !== undefined
  await askUntil(run, () => asker.ask(first, count), isOver, 'whole answer')
  assert.is(asker.refusal(), undefined)
  return asker.days()!
}

function assertDays(days: ProfileDay[], { truth }: RecordedFlash, firstDay: number, count: number): void {
  assert.equal(
    days.map((profile) => profile.day),
    Array.from({ length: count }, (_, i) => firstDay + i),
  )
  for (const profile of days) {
    for (let i = 0; i < 48; i++) {
      const expected = truth.get(profile.day * 48 + i)
      if (expected !== undefined) assert.is(profile.wh[i], expected, `day ${profile.day}, half-hour ${i}`)
    }
  }
}

/** Reads a day over and over: processor time of one read, and bytes that the line carries for it. */
async function measureRead(run: EspruinoRun, firstDay: number): Promise<{ ms: number; bytes: number }> {
  const reads = 20
  const before = run.cpuMs()
  for (let i = 0; i < reads; i++) await read(run, firstDay * 48, 48)
  return { ms: Math.round((run.cpuMs() - before) / reads), bytes: run.asker.lineBytes() }
}

/**
 * A clock that runs half an hour in a second, for so many; then it runs in real time, so that a session can be held. It
 * stands still while the meter reads it, and moves no more than a step at once, however late a loaded machine makes it.
 */
function fastClock(halfHours: number): string {
  return `(() => {
    const startMs = Date.now();
    let lookedMs = startMs;
    let ms = 0;
    setInterval(() => {
      const nowMs = Date.now();
      const over = ms >= ${halfHours * 1000};
      ms += Math.min(nowMs - lookedMs, 250);
      lookedMs = nowMs;
      if (!over && ms >= ${halfHours * 1000}) print("half-hours over");
    }, 50);
    return () => startMs + Math.min(ms, ${halfHours * 1000}) * 1800 + Math.max(ms - ${halfHours * 1000}, 0);
  })()`
}

function bench(name: string, program: string, from: 'file' | 'storage', halfHours: number): void {
  test(`${name}: days recorded are read over the line, also after the power was cut`, async () => {
    const { code } = await bundleFirmware('linux')
    const flash = recordedDaysBefore(Date.now(), 3, 11)
    const run = await runBundle(program, code, flash, from)
    try {
      await run.says(/started, boot 2\b/)
      const startMs = run.cpuMs()
      assertDays(await read(run, flash.firstDay * 48, 3 * 48), flash, flash.firstDay, 3)
      const one = (flash.firstDay + 1) * 48 + 5
      const [part, ...others] = await read(run, one, 1)
      assert.is(others.length, 0)
      assert.equal([...part!.wh].filter((wh) => wh >= 0).concat(part!.wh[5]!), [
        flash.truth.get(one),
        flash.truth.get(one),
      ])
      await run.cut()
      await run.start()
      await run.says(/started, boot 3\b/)
      assertDays(await read(run, flash.firstDay * 48, 3 * 48), flash, flash.firstDay, 3)
      const { ms, bytes } = await measureRead(run, flash.firstDay)
      console.log(
        `  ${name}: starts in ${startMs} ms of processor time; a day's read takes ${ms} ms and ${bytes} bytes`,
      )
    } finally {
      await run.end()
    }
  })

  test(`${name}: half-hours continue to be recorded`, async () => {
    const { code } = await bundleFirmware('linux', { clock: fastClock(halfHours) })
    const nowMs = Date.now()
    const flash = recordedDaysBefore(nowMs, 1, 12)
    const run = await runBundle(program, code, flash, from)
    try {
      await run.says(/started, boot 2\b/)
      await run.says(/half-hours over/, halfHours * 10_000)
      const now = halfHourOf(nowMs)
      const days = await read(run, now, halfHours + 2)
      const recorded: number[] = []
      for (const profile of days) {
        for (let i = 0; i < 48; i++) {
          const isNew = profile.day * 48 + i >= now && profile.marked[i] === 0
          if (isNew && profile.wh[i]! >= 0) recorded.push(profile.wh[i]!)
        }
      }
      assert.ok(recorded.length >= halfHours - 2, `only ${recorded.length} half-hours were recorded`)
      // 250 Wh in half an hour; a boundary is seen up to a step late, which is a quarter of one here.
      for (const wh of recorded) assert.ok(wh > 100 && wh < 400, `${wh} Wh`)
    } finally {
      await run.end()
    }
  })

  test(`${name}: without settings only the reason is printed`, async () => {
    const { code } = await bundleFirmware('linux')
    const blank = { cells: new Uint8Array(flashPagesFull * pageBytes).fill(0xff), truth: new Map(), boots: 0 }
    const run = await runBundle(program, code, blank, from)
    try {
      await run.says(/not started: Error: no settings/)
      run.asker.wake(boardEui, new Uint8Array(8))
      await new Promise((resolve) => setTimeout(resolve, 500))
      assert.is(run.asker.awake(), false)
    } finally {
      await run.end()
    }
  })
}

const { ESPRUINO, ESPRUINO_SMALL } = process.env

if (!hasSocat) leaveOut(test, 'the bundle on Espruino', 'socat is not installed (apt-get install socat)')
else {
  if (ESPRUINO) bench('Espruino', ESPRUINO, 'file', 4)
  else leaveOut(test, 'the bundle on Espruino', 'ESPRUINO does not name an interpreter')
  if (ESPRUINO_SMALL) {
    bench('Espruino with 5,100 variables', ESPRUINO_SMALL, 'storage', 49)

    test('2,500 of 5,100 variables are enough for 13 months and every command; at rest 1,200 are', async () => {
      const { code } = await bundleFirmware('linux')
      const flash = recordedDaysBefore(Date.now(), 397, 13)
      const { rest, fault } = await tryWithin(ESPRUINO_SMALL, code, flash, 397, 2500, Object.keys(commands))
      assert.is(fault, '')
      assert.ok(rest <= 1200, `${rest} variables at rest`)
      console.log(`  heap: ${rest} of 5100 variables at rest; 2500 in all are enough for every command`)
    })
  } else leaveOut(test, 'the bundle in a small heap', 'ESPRUINO_SMALL does not name an interpreter')
}

if (ESPRUINO) {
  test('each rule of the subset is what Espruino does', async () => {
    const rightOnEspruino = async (code: string) =>
      (await evaluate(ESPRUINO, `let result;${code};print("result is",result===true);quit()`)).includes(
        'result is true',
      )
    const cases = [...subsetCases, ...libraryCases]
    await Promise.all(
      [0, 1, 2, 3].map(async (lane) => {
        for (let i = lane; i < cases.length; i += 4) {
          const { what, bad, good } = cases[i]!
          assert.is(await rightOnEspruino(bad), false, `${what}: ${bad}`)
          assert.is(await rightOnEspruino(good), true, `${what}: ${good}`)
        }
      }),
    )
  })
}

test.run()
