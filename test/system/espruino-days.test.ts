// Days on a real interpreter, with a clock that moves half an hour at each step of the meter: midnights, a year's end, a leap
// day, power off over midnight. ESPRUINO names the interpreter; ESPRUINO_DAYS says how many days (2 unless given).

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { bundleFirmware } from '../../hardware/build/bundle.ts'
import { halfHourMs, halfHourOf } from '../../protocol/half-hour.ts'
import { decodeSnapshots } from '../../protocol/register-snapshot.ts'
import { type EspruinoRun, runBundle } from '../support/espruino/interpreter.ts'
import { ask } from '../support/espruino/year-old-meter.ts'
import { hasSocat, leaveOut } from '../support/left-out.ts'
import { recordedFlash } from '../support/sim/board-flash.ts'

/** The steady load of the row `linux`: 500 W. */
const whPerHalfHour = 250

/**
 * JavaScript of a clock that starts at `fromMs`, moves half an hour after each step of the meter, so many times, and then with the
 * time. A step in which a half-hour ends looks at the clock more than twice, one with nothing to do twice: so no half-hour is
 * skipped, however loaded the machine is.
 */
function quickClock(fromMs: number, halfHours: number): string {
  return `(() => {
    let ms = ${fromMs}, left = ${halfHours}, overMs = 0, looks = 0;
    setInterval(() => {
      if (left > 0 && looks > 2) { looks = 0; left--; ms += ${halfHourMs}; if (left === 0) { overMs = Date.now(); print("half-hours over"); } }
    }, 20);
    return () => { looks++; return left > 0 ? ms : ms + Date.now() - overMs; };
  })()`
}

async function readDays(run: EspruinoRun, firstDay: number, count: number) {
  await ask(run, 'readProfile', { channel: 0, firstHalfHour: firstDay * 48, count: count * 48 })
  return new Map(run.asker.days()!.map((profile) => [profile.day, profile]))
}

/** Every half-hour from `first` to before `end` has the load's energy, and none is marked but those in `but`. */
async function assertLoad(run: EspruinoRun, first: number, end: number, but: readonly number[] = []): Promise<void> {
  const firstDay = Math.floor(first / 48)
  const days = await readDays(run, firstDay, Math.floor((end - 1) / 48) - firstDay + 1)
  for (let halfHour = first; halfHour < end; halfHour++) {
    if (but.includes(halfHour)) continue
    const profile = days.get(Math.floor(halfHour / 48))
    assert.is(profile?.wh[halfHour % 48], whPerHalfHour, new Date(halfHour * halfHourMs).toISOString())
    assert.is(profile?.marked[halfHour % 48], 0)
  }
}

const program = process.env.ESPRUINO
const days = Number(process.env.ESPRUINO_DAYS ?? 2)

if (program === undefined || !hasSocat) {
  leaveOut(test, 'days on a real Espruino', 'ESPRUINO names no interpreter, or socat is not installed')
} else {
  for (const [name, start] of [
    ['a year ends', Date.UTC(2027, 11, 31, 20)],
    ['a leap day', Date.UTC(2028, 1, 28, 20)],
  ] as const) {
    test(`${name}: ${days} days pass, every half-hour and daily read is right`, async () => {
      const halfHours = days * 48
      const first = halfHourOf(start)
      const { code } = await bundleFirmware('linux', { clock: quickClock(start, halfHours) })
      const run = await runBundle(program, code, recordedFlash(first - 4, 4, 5), 'file')
      try {
        await run.says(/started, boot 2\b/)
        await run.says(/half-hours over/, halfHours * 2500 + 20000)
        // The first half-hour began while the interpreter started.
        await assertLoad(run, first + 1, first + halfHours)
        const parts = await ask(run, 'readDailyReads', { firstDay: 0, count: 65536 })
        const reads = parts.flatMap(({ snapshots }) => decodeSnapshots(snapshots)!)
        const inSpan = reads.filter(({ atSeconds }) => atSeconds * 1000 > start)
        assert.is(inSpan.length, Math.min(14, days))
        for (const [i, read] of inSpan.entries()) {
          assert.not.ok(read.late)
          if (i > 0) assert.is(read.registers[0]! - inSpan[i - 1]!.registers[0]!, 48 * whPerHalfHour)
        }
        assert.not.match(run.said(), /stopped|fault:|not started/)
      } finally {
        await run.end()
      }
    })
  }

  test('power off over midnight, at the end of a year', async () => {
    const start = Date.UTC(2027, 11, 31, 22)
    const first = halfHourOf(start)
    const before = await bundleFirmware('linux', { clock: quickClock(start, 3) })
    const run = await runBundle(program, before.code, recordedFlash(first - 4, 4, 5), 'file')
    try {
      await run.says(/half-hours over/)
      await run.cut()
      const after = await bundleFirmware('linux', { clock: quickClock(start + 3 * 3600000, 6) })
      await run.start(after.code)
      await run.says(/started, boot 3\b/)
      await run.says(/half-hours over/)
      const day = Math.floor(first / 48)
      const read = await readDays(run, day, 2)
      assert.is(read.get(day)!.wh[46], -1)
      assert.is(read.get(day + 1)!.wh[0], -1)
      assert.is(read.get(day + 1)!.wh[4], whPerHalfHour)
      const daily = await ask(run, 'readDailyReads', { firstDay: day + 1, count: 1 })
      assert.ok(decodeSnapshots(daily[0]!.snapshots)![0]!.late)
    } finally {
      await run.end()
    }
  })
}

test.run()
