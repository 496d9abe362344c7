// A pcapng file as a machine of the other byte order would have written it: sections, interfaces and enhanced packets.

/** Turns the numbers of a little-endian file around; data stays as it is. */
export function swapByteOrder(file: Uint8Array): Uint8Array {
  // A Buffer shares its memory with others, and with its slices.
  const swapped = new Uint8Array(file)
  const view = new DataView(file.buffer, file.byteOffset, file.length)
  const to = new DataView(swapped.buffer)
  const u16 = (at: number) => to.setUint16(at, view.getUint16(at, true), false)
  const u32 = (at: number) => to.setUint32(at, view.getUint32(at, true), false)
  for (let at = 0; at < file.length; at += view.getUint32(at + 4, true)) {
    const type = view.getUint32(at, true)
    const length = view.getUint32(at + 4, true)
    u32(at)
    u32(at + 4)
    u32(at + length - 4)
    let options = at + 16
    if (type === 0x0a0d0d0a) {
      u32(at + 8)
      u16(at + 12)
      u16(at + 14)
      options = at + 24
    } else if (type === 1) {
      u16(at + 8)
      u32(at + 12)
    } else if (type === 6) {
      for (let i = 8; i < 28; i += 4) u32(at + i)
      options = at + 28 + Math.ceil(view.getUint32(at + 20, true) / 4) * 4
    }
    for (let size = 0; options < at + length - 4; options += 4 + Math.ceil(size / 4) * 4) {
      size = view.getUint16(options + 2, true)
      u16(options)
      u16(options + 2)
      // The flags are a number; other options are text or single bytes.
      if (type === 6 && size === 4) u32(options + 4)
    }
  }
  return swapped
}
