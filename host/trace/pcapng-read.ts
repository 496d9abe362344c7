// Reads pcapng files of any writer and byte order (draft-ietf-opsawg-pcapng), block by block. The file is not trusted: every
// length is checked, and memory is bounded.

import { errorTable, ProgramError } from '../state/errors.ts'
import { blockType, byteOrderMagic, lineLinkType, option } from './pcapng-write.ts'

/** A recording cannot be read, or not to its end. */
export class RecordingError extends ProgramError {
  constructor(message: string) {
    super(errorTable.recording.exitCode, message)
  }
}

/** A packet of a line, as recorded. */
export interface RecordedPacket {
  /** Number among all packets of the file, from 1, as in Wireshark. */
  number: number
  /** The interface's name, or `#` and its number when it has none. */
  line: string
  /** UTC since 1970, with a fraction when the file has one. */
  atMs: number
  /** `undefined` when the file does not say. */
  direction: 'to meter' | 'from meter' | undefined
  bytes: Uint8Array
}

/** Counts of skipped packets. */
export interface SkippedPackets {
  /** Packets of other link types, and those types. */
  packets: number
  linkTypes: Set<number>
}

/** Returns the next `count` bytes of the file; fewer only at its end. */
export type TakeBytes = (count: number) => Uint8Array

/** Longer blocks are not from a recording of a line, whose frames have at most 256 bytes. */
const blockBytesMax = 1 << 20
const interfacesMax = 4096
/** The greatest time of a Date. */
const timeMsMax = 8.64e15

interface Interface {
  name: string
  linkType: number
  /** Units of time in a millisecond, and where time begins. */
  unitsPerMs: number
  offsetMs: number
}

/** The first of each option, up to a length that does not fit. */
function optionsOf(view: DataView, from: number, to: number, little: boolean): Map<number, DataView> {
  const found = new Map<number, DataView>()
  for (let at = from; at + 4 <= to; ) {
    const code = view.getUint16(at, little)
    const length = view.getUint16(at + 2, little)
    if (code === option.end || at + 4 + length > to) break
    if (!found.has(code)) found.set(code, new DataView(view.buffer, view.byteOffset + at + 4, length))
    at += 4 + Math.ceil(length / 4) * 4
  }
  return found
}

/** Printable text: a name in the file must not contain control sequences for a terminal. */
function textOf(view: DataView | undefined): string {
  if (view === undefined) return ''
  const text = new TextDecoder().decode(new Uint8Array(view.buffer, view.byteOffset, view.byteLength))
  return text.replace(/[^\x20-\x7e]/g, '?').slice(0, 100)
}

function interfaceOf(view: DataView, little: boolean, number: number): Interface {
  const options = optionsOf(view, 8, view.byteLength, little)
  const resolution = options.get(option.timeResolution)
  const exponent = resolution?.byteLength === 1 ? resolution.getUint8(0) : 6
  const unitsPerSecond = exponent & 128 ? 2 ** (exponent & 127) : 10 ** exponent
  const offset = options.get(option.timeOffset)
  return {
    name: textOf(options.get(option.interfaceName)) || `#${number}`,
    linkType: view.getUint16(0, little),
    unitsPerMs: unitsPerSecond / 1000,
    offsetMs: offset?.byteLength === 8 ? Number(offset.getBigInt64(0, little)) * 1000 : 0,
  }
}

function packetOf(view: DataView, little: boolean, line: Interface, number: number): RecordedPacket {
  const captured = view.getUint32(12, little)
  if (captured > view.byteLength - 20) throw new RecordingError(`packet ${number} is longer than its block`)
  const units = view.getUint32(4, little) * 0x100000000 + view.getUint32(8, little)
  const atMs = units / line.unitsPerMs + line.offsetMs
  if (!(Math.abs(atMs) <= timeMsMax)) throw new RecordingError(`packet ${number} has an invalid time`)
  const options = optionsOf(view, 20 + Math.ceil(captured / 4) * 4, view.byteLength, little)
  const flags = options.get(option.packetFlags)
  const direction = flags?.byteLength === 4 ? flags.getUint32(0, little) & 3 : 0
  return {
    number,
    line: line.name,
    atMs,
    direction: direction === 1 ? 'from meter' : direction === 2 ? 'to meter' : undefined,
    bytes: new Uint8Array(view.buffer, view.byteOffset + 20, captured).slice(),
  }
}

/** One block: the bytes between its two lengths. */
interface Block {
  type: number
  body: DataView
  little: boolean
  /** Where it begins in the file. */
  at: number
}

/** Bytes of the shortest block of a kind, its head and tail included. */
const blockBytesMin: { [type: number]: number } = {
  [blockType.section]: 28,
  [blockType.interface]: 20,
  [blockType.enhancedPacket]: 32,
}

/** The error for a file that does not begin as pcapng. */
function wrongStart(head: Uint8Array): RecordingError {
  const magic = [...head.subarray(0, 4)].map((byte) => byte.toString(16).padStart(2, '0')).join('')
  const isPcap = ['a1b2c3d4', 'd4c3b2a1', 'a1b23c4d', '4d3cb2a1'].includes(magic)
  return new RecordingError(
    isPcap
      ? 'it is a classic pcap file, which has no directions: convert it with editcap -F pcapng'
      : 'it is not a pcapng file',
  )
}

/** The blocks of a file, in order. @throws RecordingError */
function* readBlocks(take: TakeBytes): Generator<Block> {
  let little = true
  for (let at = 0; ; ) {
    const head = take(12)
    if (head.length === 0 && at > 0) return
    const cut = () => new RecordingError(`it ends inside the block at byte ${at}; what comes before is whole`)
    if (head.length < 12) throw at === 0 ? wrongStart(head) : cut()
    const view = new DataView(head.buffer, head.byteOffset, head.length)
    const isSection = view.getUint32(0, true) === blockType.section
    if (at === 0 && !isSection) throw wrongStart(head)
    if (isSection) {
      little = view.getUint32(8, true) === byteOrderMagic
      if (!little && view.getUint32(8, false) !== byteOrderMagic)
        throw new RecordingError(`the section at byte ${at} has no byte order`)
    }
    const type = view.getUint32(0, little)
    const length = view.getUint32(4, little)
    if (length < (blockBytesMin[type] ?? 12) || length % 4 !== 0 || length > blockBytesMax)
      throw new RecordingError(`the block at byte ${at} claims ${length} bytes, which is not possible for its type`)
    const bytes = new Uint8Array(length - 8)
    bytes.set(head.subarray(8))
    const rest = take(length - 12)
    if (rest.length < length - 12) throw cut()
    bytes.set(rest, 4)
    const inside = new DataView(bytes.buffer)
    if (inside.getUint32(length - 12, little) !== length)
      throw new RecordingError(`the block at byte ${at} has two different lengths`)
    yield { type, body: new DataView(bytes.buffer, 0, length - 12), little, at }
    at += length
  }
}

/** Older packet blocks, which are not read: they have no direction, or no time. */
const olderPackets = [2, 3]

/**
 * The packets of lines (link type 147) in a pcapng file, in order. Packets of other link types and blocks of other kinds are
 * skipped; `skipped` counts the former. @throws RecordingError where the file cannot be read on
 */
export function* readPackets(take: TakeBytes, skipped: SkippedPackets): Generator<RecordedPacket> {
  let interfaces: Interface[] = []
  let packets = 0
  for (const { type, body, little, at } of readBlocks(take)) {
    if (type === blockType.section) {
      const version = body.getUint16(4, little)
      if (version !== 1) throw new RecordingError(`the section at byte ${at} is of version ${version}, not 1`)
      interfaces = []
    } else if (type === blockType.interface) {
      if (interfaces.length >= interfacesMax) throw new RecordingError(`it has more than ${interfacesMax} interfaces`)
      interfaces.push(interfaceOf(body, little, interfaces.length))
    } else if (olderPackets.includes(type)) {
      packets += 1
      skipped.packets += 1
    } else if (type === blockType.enhancedPacket) {
      packets += 1
      const line = interfaces[body.getUint32(0, little)]
      if (line === undefined) throw new RecordingError(`packet ${packets} is of an interface that is not described`)
      if (line.linkType === lineLinkType) yield packetOf(body, little, line, packets)
      else {
        skipped.packets += 1
        skipped.linkTypes.add(line.linkType)
      }
    }
  }
}
