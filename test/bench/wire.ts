// Bytes: of a day's half-hours, of a whole exchange, of 13 months in flash and on the line.

import { createRandom } from '../../emulation/random.ts'
import { createWorld } from '../../emulation/world.ts'
import { flashMapOf, flashPagesFull, pageBytes } from '../../firmware/flash-map.ts'
import { householdWh } from '../../hardware/load/household.ts'
import { createDco } from '../../host/dco/sealer.ts'
import { defaultLineLimits } from '../../host/wan/line-limits.ts'
import { createLine } from '../../host/wan/serial-line.ts'
import { noUsage } from '../../host/wan/usage.ts'
import { emptyDay, encodeDayBlock } from '../../protocol/profile-coding.ts'
import { readProfile } from '../support/sim/single-read.ts'
import { type Bench, quantile } from './row.ts'

const eui = '00-DB-12-34-56-78-90-A0'
const days = 397
const seed = 7

/** A day of 48 values as DLMS profile generic has them, plain: 23 bytes an entry and the head (Blue Book encoding, by hand). */
const dlmsDayBytes = 1109

export const wire: Bench = async () => {
  const key = createRandom(1).bytes(32)
  const endMs = Date.UTC(2026, 10, 22)
  const world = createWorld({ seed, days, eui, key, endMs, whOf: (halfHour) => householdWh(seed, halfHour) })
  const line = createLine('sim:', world.line.openPort, defaultLineLimits, world.clock)
  const reader = { line, dco: createDco({ key: () => key }, createRandom(2).bytes), timing: world.clock }
  const blocks = Array.from({ length: days }, (_, day) => {
    const first = world.first + day * 48
    return encodeDayBlock({
      ...emptyDay(first / 48),
      wh: Int32Array.from({ length: 48 }, (_, i) => householdWh(seed, first + i)),
    }).length
  })

  async function exchange(first: number, count: number) {
    const before = { ...world.line.bytes }
    const startMs = world.clock.nowMs()
    await world.clock.run(readProfile(reader, eui, 0, first, count, startMs + 600000, noUsage()))
    await world.clock.pass(1000)
    return { out: world.line.bytes.toDevice - before.toDevice, in: world.line.bytes.toHost - before.toHost }
  }

  const wholes: number[] = []
  let day = { out: 0, in: 0 }
  for (let i = 0; i < 60; i++) {
    day = await exchange(world.first + i * 48, 48)
    wholes.push(day.out + day.in)
  }
  const closed = await exchange(world.first + 48 * 60 - 1, 49)
  const months = await exchange(world.first, days * 48)
  // The same at 9,600 baud: how much of the time, from the first byte to the last, the line carries bytes.
  const slow = createWorld({ seed, days, eui, key, baud: 9600, endMs, whOf: (halfHour) => householdWh(seed, halfHour) })
  const slowLine = createLine('sim:', slow.line.openPort, { ...defaultLineLimits, baud: 9600 }, slow.clock)
  const slowReader = { line: slowLine, dco: reader.dco, timing: slow.clock }
  const slowMs = slow.clock.nowMs()
  await slow.clock.run(readProfile(slowReader, eui, 0, slow.first, days * 48, slowMs + 600000, noUsage()))
  const tookMs = slow.clock.nowMs() - slowMs
  const busyMs = ((slow.line.bytes.toDevice + slow.line.bytes.toHost) * 10000) / 9600
  const used = world.meter.flash.image.cells.filter((cell) => cell !== 0xff).length
  const row = (name: string, value: number, unit: string) => ({ bench: 'wire', name, value, unit })
  return [
    row('payload of a day (48 values), median', quantile(blocks, 0.5), 'bytes'),
    row('payload of a day, 95 % up to', quantile(blocks, 0.95), 'bytes'),
    row('payload of a day, largest', Math.max(...blocks), 'bytes'),
    row('the same in plain DLMS profile generic', dlmsDayBytes, 'bytes'),
    row('whole exchange for a day, median', quantile(wholes, 0.5), 'bytes'),
    row('whole exchange for a day, largest', Math.max(...wholes), 'bytes'),
    row('  of it to the meter (wake, ask, sleep)', day.out, 'bytes'),
    row('  of it from the meter (awake, answer)', day.in, 'bytes'),
    row('a day and the entry before it, both directions', closed.out + closed.in, 'bytes'),
    row('13 months whole, both directions', months.out + months.in, 'bytes'),
    row('13 months at 9,600 baud', tookMs / 1000, 's'),
    row('  share of that time in which the line is busy', (busyMs / tookMs) * 100, '%'),
    row('flash for 13 months: pages of the ring', flashMapOf(flashPagesFull).importPages * pageBytes, 'bytes'),
    row('flash of a meter in all', flashPagesFull * pageBytes, 'bytes'),
    row('  of it written after 13 months', used, 'bytes'),
  ]
}
