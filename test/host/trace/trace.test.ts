import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { createRandom } from '../../../emulation/random.ts'
import { traceCommand } from '../../../host/cli/trace.ts'
import { readPacket } from '../../../host/trace/packet-table.ts'
import { flag, interfaceBlock, packetBlock, sectionBlock } from '../../../host/trace/pcapng-write.ts'
import { euiFromBytes, toHex } from '../../../protocol/bytes.ts'
import { encodeFrame } from '../../../protocol/frame.ts'
import { decodePacket, encodeWake } from '../../../protocol/link.ts'
import { runCommand } from '../../support/bench/run-command.ts'
import { recordedDays, recordedEui, recordedKey, recordedWh, recordLine } from '../../support/sim/recorded-line.ts'

const folder = mkdtempSync(join(tmpdir(), 'smets1-trace-'))
process.once('exit', () => rmSync(folder, { recursive: true, force: true }))
const clean = join(folder, 'clean.pcapng')
const noisy = join(folder, 'noisy.pcapng')
const keys = join(folder, 'right.key')
writeFileSync(keys, `${toHex(recordedKey)}\n`, { mode: 0o600 })
const cleanRun = await recordLine(clean, 1)
const noisyRun = await recordLine(noisy, 2, { flip: 0.004, loss: 0.002 })

// biome-ignore lint/suspicious/noExplicitAny: lines of JSON of several kinds
type Line = any

async function traced(file: string, options: Record<string, unknown> = {}) {
  const { code, out, err } = await runCommand(traceCommand, { argument: file, json: true, ...options })
  const lines: Line[] = out
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line))
  return { code, err, frames: lines.slice(0, -1), ...lines.at(-1) }
}

test('with keys every message is opened, and the half-hours are those that the meter recorded', async () => {
  const { code, frames, totals } = await traced(clean, { keys, full: true })
  assert.is(code, 0)
  assert.is(totals.notOpened, 0)
  const sealed = frames.filter((frame: Line) => frame.sealed !== undefined)
  assert.ok(sealed.length > 20)
  assert.ok(sealed.every((frame: Line) => frame.message !== undefined && frame.eui === recordedEui))
  const names = new Set(sealed.map(({ message }: Line) => message.name))
  for (const name of ['readProfile', 'readDailyReads', 'readRegisters', 'readEvents', 'readInventory', 'sleep'])
    assert.ok(names.has(name), name)
  const blocks = sealed.flatMap(({ message }: Line) => (message.name === 'readProfile' ? (message.records ?? []) : []))
  const days = new Map(blocks.map((block: Line) => [block.day, block.wh]))
  assert.is(days.size, recordedDays)
  for (const [day, wh] of days) {
    assert.equal(
      wh,
      Array.from({ length: 48 }, (_, i) => recordedWh((day as number) * 48 + i)),
    )
  }
  const refusal = sealed.find(({ message }: Line) => message.is === 'refusal')
  assert.equal(refusal.message, { is: 'refusal', error: 6, name: 'writeSettings' })
})

test('alerts, which come ahead of their awake, are opened, and frames stay in their order', async () => {
  const { frames } = await traced(clean, { keys, full: true })
  const at = frames.findIndex(({ message }: Line) => message?.is === 'alerts')
  assert.is(frames[at].counter, 0)
  assert.is(frames[at].message.records[0].code, 2)
  assert.is(frames[at + 1].kind, 'awake')
  const numbers = frames.map(({ frame }: Line) => frame)
  assert.equal(
    numbers,
    [...numbers].sort((a, b) => a - b),
  )
})

test('totals are what the bridge counted', async () => {
  for (const [file, { usage, bytes }] of [
    [clean, cleanRun],
    [noisy, noisyRun],
  ] as const) {
    const { totals } = await traced(file, { keys })
    assert.is(totals.bytesToMeter, bytes.toDevice)
    assert.is(totals.bytesFromMeter, usage.bytesIn)
    assert.is(totals.kinds.wake, usage.wakeUps)
    assert.is(totals.kinds.ask, usage.asks + usage.sessions)
    const dropped = Object.values(totals.dropped as { [fault: string]: number }).reduce((sum, one) => sum + one, 0)
    assert.is(dropped, usage.framesDropped)
    assert.is(totals.frames, dropped + Object.values<number>(totals.kinds).reduce((sum, one) => sum + one, 0))
  }
  assert.ok(noisyRun.usage.framesDropped > 2)
})

test('without keys nothing is open; with a wrong key it says what does not open', async () => {
  const sealed = await traced(clean, { full: true })
  assert.ok(sealed.frames.every((frame: Line) => frame.message === undefined && frame.notOpened === undefined))
  assert.is(sealed.totals.recordBytes, 0)
  const wrong = join(folder, 'wrong.key')
  writeFileSync(wrong, `${'5a'.repeat(32)}\n`, { mode: 0o600 })
  const other = await traced(clean, { keys: wrong })
  assert.ok(other.totals.notOpened > 20)
  assert.is(other.totals.opened, 0)
  chmodSync(wrong, 0o644)
  const open = await runCommand(traceCommand, { argument: clean, keys: wrong })
  assert.is(open.code, 3)
  assert.match(open.err, /others may read it.*chmod 600/)
})

test('frames of one meter alone', async () => {
  const other = '00-DB-12-34-56-78-90-A1'
  const frames = [
    sectionBlock('x'),
    interfaceBlock('line'),
    packetBlock(
      0,
      1,
      flag.outbound,
      encodeFrame(encodeWake(Uint8Array.of(0, 0xdb, 18, 52, 86, 120, 144, 161), new Uint8Array(8))),
    ),
  ]
  const both = join(folder, 'both.pcapng')
  writeFileSync(both, Buffer.concat([readFileSync(clean), ...frames]))
  const all = await traced(both)
  const mine = await traced(both, { device: recordedEui })
  assert.is(mine.totals.frames, all.totals.frames - 1)
  assert.is(mine.others, 1)
  const theirs = await traced(both, { device: other })
  assert.equal(
    theirs.frames.map(({ kind, eui }: Line) => [kind, eui]),
    [['wake', other]],
  )
  assert.is((await runCommand(traceCommand, { argument: both, device: 'A1' })).code, 2)
})

test('a table for people: times, directions, messages, totals', async () => {
  const { code, out } = await runCommand(traceCommand, { argument: clean, keys, full: true })
  assert.is(code, 0)
  assert.match(
    out,
    /^2026-11-22 UTC\n {5}1 03:10:00\.\d{3} -> {2}23 B {2}wake 00-DB-12-34-56-78-90-A0, nonce [0-9a-f]{16}\n/,
  )
  assert.match(
    out,
    /<- \d+ B {2}answer 1\.0: readProfile blocks \d+ bytes \(3 day blocks\)\n +2026-11-14 activeImport 48 of 48/,
  )
  assert.match(out, /writeSettings refused, error 6 \(versionConflict\)\n/)
  assert.match(out, /alerts entries 16 bytes \(1 event\)\n.* powerOutage, value \d+, detail 1\n/)
  assert.match(
    out,
    /\n\d+ frames in [\d.]+ s: 3 wake, 3 awake, .*\n\d+ bytes: \d+ to the meter, \d+ from it\npayload: .*\n$/,
  )
  const damaged = await runCommand(traceCommand, { argument: noisy })
  assert.match(damaged.out, /damaged, bad CRC\n/)
})

test('a truncated file is shown up to its end, with an exit code of its own', async () => {
  const cut = join(folder, 'cut.pcapng')
  writeFileSync(cut, readFileSync(clean).subarray(0, 1500))
  const { code, err, frames, fault } = await traced(cut, { keys })
  assert.is(code, 1)
  assert.ok(frames.length > 5)
  assert.match(err, /cut\.pcapng cannot be read to its end: it ends inside the block at byte \d+/)
  assert.match(fault, /^it ends inside/)
  const text = join(folder, 'text')
  writeFileSync(text, 'no recording at all')
  const other = await runCommand(traceCommand, { argument: text })
  assert.is(other.code, 1)
  assert.match(other.err, /is not a pcapng file/)
  const none = await runCommand(traceCommand, { argument: join(folder, 'none') })
  assert.is(none.code, 2)
  assert.is((await runCommand(traceCommand, {})).code, 2)
})

test('whatever stands in a recording, it is traced', async () => {
  const random = createRandom(8)
  const blocks = [sectionBlock('x'), interfaceBlock('\u001b[2Jevil')]
  const whole = readFileSync(clean)
  for (let i = 0; i < 2000; i++) {
    const bytes =
      random.below(2) === 0
        ? random.bytes(random.below(300))
        : encodeFrame(Uint8Array.of(17 + random.below(6), ...random.bytes(random.below(40))))
    blocks.push(packetBlock(0, random.below(2 ** 31), random.below(4), bytes))
  }
  const path = join(folder, 'random.pcapng')
  writeFileSync(path, Buffer.concat([whole, ...blocks]))
  for (const json of [true, false]) {
    const { code, out } = await runCommand(traceCommand, { argument: path, keys, full: true, json })
    assert.is(code, 0)
    assert.not.ok(out.includes('\u001b'))
  }
})

test('the packet table reads what the protocol reads, and nothing else', () => {
  const bytes = fc.tuple(fc.integer({ min: 0, max: 255 }), fc.uint8Array({ maxLength: 40 }))
  const near = fc.tuple(fc.integer({ min: 0x0f, max: 0x27 }), fc.uint8Array({ minLength: 1, maxLength: 17 }))
  fc.assert(
    fc.property(fc.oneof(bytes, near), ([first, rest]) => {
      const packet = Uint8Array.of(first, ...rest)
      const read = readPacket(packet)
      const decoded = decodePacket(packet)
      if (decoded === undefined) return assert.is(read, undefined)
      const { kind, ...fields } = decoded
      const expected = Object.entries(fields).flatMap(([name, value]) => {
        if (name === 'version' || name === 'last') return []
        if (name === 'eui') return [[name, euiFromBytes(value as Uint8Array)]]
        return [[name, value instanceof Uint8Array ? toHex(value) : value]]
      })
      assert.is(read?.name, 'last' in decoded && decoded.last ? 'last answer' : kind)
      assert.equal(read?.fields, Object.fromEntries(expected))
      if ('version' in decoded) assert.is(read?.version, decoded.version)
    }),
    { numRuns: 3000 },
  )
})

test.run()
