// Writes the blocks of a pcapng file (draft-ietf-opsawg-pcapng) for a recording of the line, little-endian.

/** Link type of the line's frames: LINKTYPE_USER0, 147. */
export const lineLinkType = 147

/** Numbers of the block types and options that are written and read. */
export const blockType = { section: 0x0a0d0d0a, interface: 1, enhancedPacket: 6 } as const
export const option = {
  end: 0,
  userApplication: 4,
  interfaceName: 2,
  timeResolution: 9,
  timeOffset: 14,
  packetFlags: 2,
} as const

/** The first word of a section, in the byte order of the section. */
export const byteOrderMagic = 0x1a2b3c4d

/** Directions in the two low bits of a packet's flags, as the host sees them. */
export const flag = { inbound: 1, outbound: 2 } as const

const utf8 = new TextEncoder()

type Option = readonly [code: number, value: Uint8Array]

const padded = (bytes: number) => Math.ceil(bytes / 4) * 4

/** Type, length, `body` (a multiple of four bytes), options, the length again. */
function block(type: number, body: Uint8Array, options: readonly Option[]): Uint8Array {
  const optionBytes = options.reduce((sum, [, value]) => sum + 4 + padded(value.length), 4)
  const bytes = new Uint8Array(12 + body.length + optionBytes)
  const view = new DataView(bytes.buffer)
  view.setUint32(0, type, true)
  view.setUint32(4, bytes.length, true)
  bytes.set(body, 8)
  let at = 8 + body.length
  for (const [code, value] of options) {
    view.setUint16(at, code, true)
    view.setUint16(at + 2, value.length, true)
    bytes.set(value, at + 4)
    at += 4 + padded(value.length)
  }
  // The four zeros that end the options are already there.
  view.setUint32(bytes.length - 4, bytes.length, true)
  return bytes
}

/** Section Header Block, the first of a file. `program`: the writing application. */
export function sectionBlock(program: string): Uint8Array {
  const body = new Uint8Array(16)
  const view = new DataView(body.buffer)
  view.setUint32(0, byteOrderMagic, true)
  view.setUint16(4, 1, true)
  // The length of the section is not known yet.
  body.fill(0xff, 8)
  return block(blockType.section, body, [[option.userApplication, utf8.encode(program)]])
}

/** Interface Description Block: a line, by its URL. The first is number 0 in the packets. Times are milliseconds. */
export function interfaceBlock(name: string): Uint8Array {
  const body = new Uint8Array(8)
  new DataView(body.buffer).setUint16(0, lineLinkType, true)
  const milliseconds = Uint8Array.of(3)
  return block(blockType.interface, body, [
    [option.interfaceName, utf8.encode(name)],
    [option.timeResolution, milliseconds],
  ])
}

/** Enhanced Packet Block: what the line carried in one direction. `atMs` is UTC since 1970. */
export function packetBlock(line: number, atMs: number, flags: number, bytes: Uint8Array): Uint8Array {
  const body = new Uint8Array(20 + padded(bytes.length))
  const view = new DataView(body.buffer)
  const wholeMs = Math.floor(atMs)
  view.setUint32(0, line, true)
  view.setUint32(4, Math.floor(wholeMs / 0x100000000), true)
  view.setUint32(8, wholeMs % 0x100000000, true)
  view.setUint32(12, bytes.length, true)
  view.setUint32(16, bytes.length, true)
  body.set(bytes, 20)
  const word = new Uint8Array(4)
  new DataView(word.buffer).setUint32(0, flags, true)
  return block(blockType.enhancedPacket, body, [[option.packetFlags, word]])
}
