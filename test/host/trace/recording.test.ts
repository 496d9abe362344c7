import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { createRandom } from '../../../emulation/random.ts'
import { RecordingError, readPackets, type SkippedPackets } from '../../../host/trace/pcapng-read.ts'
import { flag, interfaceBlock, packetBlock, sectionBlock } from '../../../host/trace/pcapng-write.ts'
import { createFrameCutter, openRecording, pieceBytesMax } from '../../../host/trace/recording.ts'
import { toHex } from '../../../protocol/bytes.ts'
import { swapByteOrder } from '../../support/sim/pcapng-swap.ts'
import { recordedKey, recordLine } from '../../support/sim/recorded-line.ts'

const folder = mkdtempSync(join(tmpdir(), 'smets1-recording-'))
process.once('exit', () => rmSync(folder, { recursive: true, force: true }))

/** The packets in a file's bytes, and how the reading ended. */
function packetsIn(file: Uint8Array) {
  let at = 0
  const take = (count: number) => {
    const bytes = file.slice(at, at + count)
    at += bytes.length
    return bytes
  }
  const skipped: SkippedPackets = { packets: 0, linkTypes: new Set() }
  const packets = []
  let fault: string | undefined
  try {
    for (const packet of readPackets(take, skipped)) packets.push(packet)
  } catch (error) {
    if (!(error instanceof RecordingError)) throw error
    fault = error.message
  }
  return { packets, skipped, fault }
}

const join2 = (...parts: Uint8Array[]) => new Uint8Array(Buffer.concat(parts))
const bytes = (...values: number[]) => Uint8Array.from(values)
const small = join2(
  sectionBlock('test'),
  interfaceBlock('/dev/ttyUSB0'),
  packetBlock(0, 1795627057610, flag.outbound, bytes(0, 0, 2, 17, 18, 0)),
  interfaceBlock('tcp://127.0.0.1:7000'),
  packetBlock(1, 1795627057618, flag.inbound, bytes(3, 1, 2, 0)),
)

test('what is written is read, in either byte order', () => {
  for (const file of [small, swapByteOrder(small)]) {
    const { packets, fault } = packetsIn(file)
    assert.is(fault, undefined)
    assert.equal(
      packets.map(({ bytes, ...rest }) => ({ ...rest, hex: toHex(bytes) })),
      [
        { number: 1, line: '/dev/ttyUSB0', atMs: 1795627057610, direction: 'to meter', hex: '000002111200' },
        { number: 2, line: 'tcp://127.0.0.1:7000', atMs: 1795627057618, direction: 'from meter', hex: '03010200' },
      ],
    )
  }
})

test('the frame cutter loses no byte and cuts behind the zero of every frame, however bytes come', () => {
  const stream = fc.array(fc.oneof(fc.constant(0), fc.integer({ min: 0, max: 255 })), { maxLength: 2000 })
  fc.assert(
    fc.property(stream, fc.array(fc.integer({ min: 1, max: 700 }), { minLength: 1 }), (values, cuts) => {
      const pieces: Uint8Array[] = []
      const cutter = createFrameCutter((piece) => pieces.push(piece))
      for (let at = 0, i = 0; at < values.length; i++) {
        const size = cuts[i % cuts.length]!
        cutter.push(Uint8Array.from(values.slice(at, at + size)))
        at += size
      }
      cutter.flush()
      assert.equal(
        pieces.flatMap((piece) => [...piece]),
        values,
      )
      for (const [i, piece] of pieces.entries()) {
        const first = piece.findIndex((byte) => byte !== 0)
        const zero = first < 0 ? -1 : piece.indexOf(0, first)
        // A zero behind a byte that is none ends the piece; only the last may have no end, or one that is full.
        assert.ok(zero < 0 || zero === piece.length - 1)
        assert.ok(zero >= 0 || piece.length === pieceBytesMax || i === pieces.length - 1)
      }
    }),
  )
})

test('a recording holds all bytes of the line, both ways, and no key', async () => {
  const path = join(folder, 'clean.pcapng')
  const { bytes: carried } = await recordLine(path, 1)
  const file = new Uint8Array(readFileSync(path))
  const { packets, fault } = packetsIn(file)
  assert.is(fault, undefined)
  const sum = (direction: string) =>
    packets.filter((packet) => packet.direction === direction).reduce((total, packet) => total + packet.bytes.length, 0)
  assert.is(sum('to meter'), carried.toDevice)
  assert.is(sum('from meter'), carried.toHost)
  assert.is(statSync(path).mode & 0o777, 0o600)
  assert.is(Buffer.from(file).indexOf(recordedKey), -1)
  assert.is(Buffer.from(file).indexOf(toHex(recordedKey)), -1)
  const times = packets.map(({ atMs }) => atMs)
  assert.equal(
    times,
    [...times].sort((a, b) => a - b),
  )
})

test('a file that is there is not touched', () => {
  const path = join(folder, 'there')
  writeFileSync(path, 'mine')
  assert.throws(() => openRecording(path, 'test', Date.now, () => {}), /EEXIST/)
  assert.is(readFileSync(path, 'utf8'), 'mine')
})

test('a killed program leaves a file that reads up to its last frame', async () => {
  const path = join(folder, 'killed.pcapng')
  const script = `import { openRecording } from './dist/host/trace/recording.js'
    const port = await openRecording(process.argv[1], 'test', Date.now, () => {})
      .tap(async () => ({ write() {}, async close() {} }))('line', 9600, { data() {}, closed() {} })
    for (let i = 1; i <= 100; i++) port.write(Uint8Array.of(i, 0))
    port.write(Uint8Array.of(7))
    process.kill(process.pid, 'SIGKILL')`
  const arguments_ = ['--input-type=module', '-e', script, path]
  assert.is(spawnSync(process.execPath, arguments_).signal, 'SIGKILL')
  const { packets, fault } = packetsIn(new Uint8Array(readFileSync(path)))
  assert.is(fault, undefined)
  assert.equal(
    packets.map((packet) => [...packet.bytes]),
    Array.from({ length: 100 }, (_, i) => [i + 1, 0]),
  )
})

test('a file that cannot grow ends the recording, is reported once, and the line continues', () => {
  const path = join(folder, 'full.pcapng')
  const script = `import { openRecording } from './dist/host/trace/recording.js'
    process.on('SIGXFSZ', () => {})
    let sent = 0
    const problems = []
    const port = await openRecording(process.argv[1], 'test', Date.now, (problem) => problems.push(problem))
      .tap(async () => ({ write: () => { sent += 1 }, async close() {} }))('line', 9600, { data() {}, closed() {} })
    for (let i = 0; i < 1000; i++) port.write(Uint8Array.of(1, 0))
    console.log(JSON.stringify({ sent, problems }))`
  const node = [process.execPath, '--input-type=module', '-e', script, path]
  const limited = ['-c', 'ulimit -f 16; exec "$0" "$@"', ...node]
  const { sent, problems } = JSON.parse(spawnSync('sh', limited).stdout.toString())
  assert.is(sent, 1000)
  assert.is(problems.length, 1)
  assert.match(problems[0], /^recording ended: .*full\.pcapng: EFBIG/)
  assert.ok(packetsIn(new Uint8Array(readFileSync(path))).packets.length > 50)
})

test('a truncated, damaged, too large or foreign file is refused with a reason, and never hangs', () => {
  const bigBlock = small.slice()
  new DataView(bigBlock.buffer).setUint32(4, 0x7ffffffc, true)
  const cases: [string, Uint8Array, RegExp][] = [
    ['nothing', bytes(), /is not a pcapng file/],
    ['text', new TextEncoder().encode('{"frame":1}, and more of it'), /is not a pcapng file/],
    ['classic pcap', join2(bytes(0xd4, 0xc3, 0xb2, 0xa1), new Uint8Array(20)), /classic pcap.*editcap/],
    ['a big block', bigBlock, /claims 2147483644 bytes/],
    ['a packet of no interface', join2(sectionBlock('x'), packetBlock(0, 0, 1, bytes(1, 0))), /not described/],
  ]
  for (const [name, file, said] of cases) assert.match(packetsIn(file).fault ?? '', said, name)
  for (let length = 1; length < small.length; length++) {
    const { packets, fault } = packetsIn(small.slice(0, length))
    const whole = packetsIn(small).packets.slice(0, packets.length)
    assert.equal(packets, whole)
    if (fault === undefined) assert.is([...small.slice(0, length)].length % 4, 0)
  }
  const random = createRandom(3)
  for (let i = 0; i < 3000; i++) {
    const file = small.slice()
    for (let n = random.below(4); n >= 0; n--) file[random.below(file.length)] = random.below(256)
    packetsIn(file)
  }
  for (let i = 0; i < 300; i++) packetsIn(join2(sectionBlock('x'), random.bytes(random.below(400))))
})

test('packets of other link types are skipped and counted', () => {
  const ethernet = interfaceBlock('eth0')
  new DataView(ethernet.buffer).setUint16(8, 1, true)
  const file = join2(small, ethernet, packetBlock(2, 5, 1, bytes(1, 2, 3)), packetBlock(0, 9, 1, bytes(4, 0)))
  const { packets, skipped, fault } = packetsIn(file)
  assert.is(fault, undefined)
  assert.equal(
    packets.map(({ number }) => number),
    [1, 2, 4],
  )
  assert.equal(skipped, { packets: 1, linkTypes: new Set([1]) })
})

test.run()
