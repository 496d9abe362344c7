// Text of the files that people have: readings, and lists of Users, devices and registrations.

import { isUtf8 } from 'node:buffer'

/** Characters 0x80 to 0x9f of windows-1252. TextDecoder of Node 20 takes them for controls, as ISO-8859-1 has them. */
const windows1252 = '€\x81‚ƒ„…†‡ˆ‰Š‹Œ\x8dŽ\x8f\x90‘’“”•–—˜™š›œ\x9džŸ'

/**
 * The text of a file, without its byte order mark. Never throws.
 *
 * The encoding is the one of the byte order mark; UTF-16 where one of the first two bytes is zero, as beside an ASCII
 * character; UTF-8 where all of it is valid UTF-8; else windows-1252, which older spreadsheets write.
 */
export function decodeText(bytes: Uint8Array): string {
  const [first, second] = bytes
  if ((first === 0xff && second === 0xfe) || (first !== 0 && second === 0))
    return new TextDecoder('utf-16le').decode(bytes)
  if ((first === 0xfe && second === 0xff) || (first === 0 && second !== 0))
    return new TextDecoder('utf-16be').decode(bytes)
  if (isUtf8(bytes)) return new TextDecoder().decode(bytes)
  const latin1 = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1')
  return latin1.replace(/[\x80-\x9f]/g, (character) => windows1252[character.charCodeAt(0) - 0x80] ?? character)
}
