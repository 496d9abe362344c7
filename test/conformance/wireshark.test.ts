// The Wireshark dissector decodes every frame as `smets1 trace` does: checked with tshark, Wireshark's command-line program.

import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { createRandom } from '../../emulation/random.ts'
import { traceCommand } from '../../host/cli/trace.ts'
import { dissector } from '../../host/trace/dissector.ts'
import { packetTable } from '../../host/trace/packet-table.ts'
import { interfaceBlock, packetBlock, sectionBlock } from '../../host/trace/pcapng-write.ts'
import { encodeFrame } from '../../protocol/frame.ts'
import { runCommand } from '../support/bench/run-command.ts'
import { leaveOut } from '../support/left-out.ts'
import { swapByteOrder } from '../support/sim/pcapng-swap.ts'
import { recordLine } from '../support/sim/recorded-line.ts'

const tshark = spawnSync('tshark', ['--version'])
const hasLua = tshark.status === 0 && /with Lua/.test(tshark.stdout.toString())
const folder = mkdtempSync(join(tmpdir(), 'smets1-dissector-'))
process.once('exit', () => rmSync(folder, { recursive: true, force: true }))
const script = join(folder, 'smets1.lua')
writeFileSync(script, dissector())

/** What both say of a frame, in this order. */
const names = [
  'bytes',
  'fault',
  'kind',
  'version',
  'eui',
  'hostNonce',
  'tag',
  'boot',
  'session',
  'counter',
  'block',
  'sealed',
]

interface Packet {
  /** Wireshark's number. */
  frame: number
  direction: number
  /** What is said of each frame in it. */
  frames: string[]
}

/** Each frame as the dissector shows it, by tshark's number of the packet; several frames in a packet one after the other. */
function dissected(file: string): Packet[] {
  const run = spawnSync(
    'tshark',
    ['-2', '-X', `lua_script:${script}`, '-r', file, '-T', 'json', '--no-duplicate-keys'],
    {
      maxBuffer: 1 << 28,
      env: { ...process.env, HOME: folder },
    },
  )
  if (run.status !== 0) throw new Error(run.stderr.toString())
  // biome-ignore lint/suspicious/noExplicitAny: tshark's own JSON
  return JSON.parse(run.stdout.toString()).map(({ _source: { layers } }: any) => {
    const shown = layers.smets1 === undefined ? [] : [layers.smets1].flat()
    const frames = shown.map((fields: { [name: string]: string }) =>
      names.map((name) => fields[`smets1.${name}`]?.replaceAll(':', '')).join(' '),
    )
    return {
      frame: Number(layers.frame['frame.number']),
      direction: Number(layers.frame['frame.packet_flags_tree']?.['frame.packet_flags_direction'] ?? 0),
      frames,
    }
  })
}

/** The same as `smets1 trace` shows it. */
async function traced(file: string): Promise<Packet[]> {
  const { out } = await runCommand(traceCommand, { argument: file, json: true })
  const found = new Map<number, Packet>()
  for (const line of out.split('\n').slice(0, -2)) {
    const shown = JSON.parse(line)
    const direction = shown.direction === 'to meter' ? 2 : shown.direction === 'from meter' ? 1 : 0
    const packet: Packet = found.get(shown.frame) ?? { frame: shown.frame, direction, frames: [] }
    found.set(shown.frame, packet)
    packet.frames.push(names.map((name) => shown[name]).join(' '))
  }
  return [...found.values()]
}

async function assertSame(file: string, packets: number): Promise<void> {
  const [ours, theirs] = [await traced(file), dissected(file)]
  assert.is(theirs.length, packets)
  const shown = theirs.filter(({ frames }) => frames.length > 0)
  assert.is(shown.length, ours.length)
  for (const [i, packet] of shown.entries()) assert.equal(packet, ours[i])
}

const countOf = (file: string) => {
  let count = 0
  const bytes = readFileSync(file)
  for (let at = 0; at < bytes.length; at += bytes.readUInt32LE(at + 4)) if (bytes.readUInt32LE(at) === 6) count += 1
  return count
}

test('the dissector names every packet and every field of the table', () => {
  const text = dissector()
  for (const { name, fields } of packetTable) {
    assert.ok(text.includes(`name = "${name}"`), name)
    for (const field of fields) assert.ok(text.includes(`"smets1.${field.name}"`), field.name)
  }
})

if (!hasLua) leaveOut(test, 'the dissector in tshark', 'tshark (with Lua) is not installed')
else {
  test('sessions, alerts and a bad line: tshark and trace say the same of every frame', async () => {
    for (const [name, faults] of [
      ['clean', {}],
      ['noisy', { flip: 0.004, loss: 0.002, double: 0.001 }],
    ] as const) {
      const file = join(folder, `${name}.pcapng`)
      await recordLine(file, 2, faults)
      await assertSame(file, countOf(file))
    }
  })

  test('a file of the other byte order', async () => {
    const swapped = join(folder, 'swapped.pcapng')
    writeFileSync(swapped, swapByteOrder(readFileSync(join(folder, 'clean.pcapng'))))
    await assertSame(swapped, countOf(join(folder, 'clean.pcapng')))
  })

  test('a recording saved again by Wireshark reads the same', async () => {
    const file = join(folder, 'noisy.pcapng')
    const saved = join(folder, 'saved.pcapng')
    const run = spawnSync('tshark', ['-r', file, '-w', saved], { env: { ...process.env, HOME: folder } })
    assert.is(run.status, 0, run.stderr.toString())
    const [ours, theirs] = await Promise.all(
      [file, saved].map((argument) => runCommand(traceCommand, { argument, json: true })),
    )
    assert.is(theirs!.code, 0, theirs!.err)
    assert.is(theirs!.out, ours!.out)
  })

  test('any input: random bytes, several frames in a packet, other versions, malformed packets', async () => {
    const random = createRandom(5)
    const blocks = [sectionBlock('x'), interfaceBlock('a'), interfaceBlock('b')]
    const packetOf = () =>
      Uint8Array.of(
        random.below(4) === 0 ? random.below(256) : 0x21 + random.below(5),
        ...random.bytes(random.below(30)),
      )
    for (let i = 0; i < 600; i++) {
      const parts = Array.from({ length: 1 + random.below(3) }, () => {
        const frame = random.below(5) === 0 ? random.bytes(random.below(320)) : encodeFrame(packetOf())
        if (random.below(6) === 0) frame[random.below(frame.length)] = random.below(256)
        return Buffer.concat([new Uint8Array(random.below(3)), frame])
      })
      blocks.push(packetBlock(random.below(2), 1795627057610 + i, 1 + random.below(2), Buffer.concat(parts)))
    }
    const file = join(folder, 'random.pcapng')
    writeFileSync(file, Buffer.concat(blocks))
    await assertSame(file, 600)
  })

  test('filters by meter and by packet work, and a dropped frame is an error', () => {
    const noisy = join(folder, 'noisy.pcapng')
    const select = (filter: string, file = noisy) =>
      spawnSync('tshark', ['-2', '-X', `lua_script:${script}`, '-r', file, '-Y', filter], {
        env: { ...process.env, HOME: folder },
      })
        .stdout.toString()
        .split('\n').length - 1
    assert.is(select('smets1.kind == "wake"', join(folder, 'clean.pcapng')), 3)
    assert.ok(select('smets1.fault') > 0)
    assert.is(select('smets1.fault'), select('_ws.expert.message contains "drops this frame"'))
    assert.ok(select('smets1.eui == "00-DB-12-34-56-78-90-A0" && smets1.counter == 1') > 3)
    assert.is(select('smets1.eui == "00-DB-12-34-56-78-90-A1"'), 0)
  })
}

test.run()
