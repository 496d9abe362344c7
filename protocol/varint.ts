// Whole numbers of 0 or more, seven bits a byte, the lowest first; bit 7 says that more follow. The shortest form only.

/** Bytes that a number takes. */
export function varintBytes(value: number): number {
  let bytes = 1
  for (let left = value; left >= 128; left = Math.floor(left / 128)) bytes += 1
  return bytes
}

/** Writes a number; answers where the next byte goes. */
export function putVarint(bytes: Uint8Array, at: number, value: number): number {
  let left = value
  while (left >= 128) {
    bytes[at] = 128 + (left % 128)
    left = Math.floor(left / 128)
    at += 1
  }
  bytes[at] = left
  return at + 1
}
