// From bytes to XML text: which encoding, which version of XML, and the same text as XML 1.0.
//
// Taken are the encodings and versions that the DCC's signing tool takes. What comes out has one declaration for all of
// them, so that no parser decodes or normalises it a second time.

export type XmlSource = { ok: true; source: string } | { ok: false; detail: string }

/** An XML declaration: its version and encoding. XML's white space only. */
const declarationPattern =
  /^<\?xml[\t\n\r ]+version[\t\n\r ]*=[\t\n\r ]*(?:"1\.([01])"|'1\.([01])')(?:[\t\n\r ]+encoding[\t\n\r ]*=[\t\n\r ]*(?:"([\w.-]{1,40})"|'([\w.-]{1,40})'))?(?:[\t\n\r ]+standalone[\t\n\r ]*=[\t\n\r ]*(?:"(?:yes|no)"|'(?:yes|no)'))?[\t\n\r ]*\?>/
const declarationBytesMax = 256

const names: { readonly [encoding in Encoding]: RegExp } = {
  'utf-8': /^(?:utf-8|us-ascii)$/i,
  'utf-16le': /^utf-16(?:le)?$/i,
  'utf-16be': /^utf-16(?:be)?$/i,
  'iso-8859-1': /^(?:iso[-_]?8859[-_]1|latin1|l1|cp819|ibm819)$/i,
  'windows-1252': /^(?:windows-1252|cp1252)$/i,
}

type Encoding = 'utf-8' | 'utf-16le' | 'utf-16be' | 'iso-8859-1' | 'windows-1252'

/** Characters of windows-1252 from byte 0x80; a space where there is none. */
const windowsCharacters = '€ ‚ƒ„…†‡ˆ‰Š‹Œ Ž  ‘’“”•–—˜™š›œ žŸ'

/**
 * Decodes a document: UTF-8, UTF-16 (with a byte order mark, or a declaration that shows the order), ISO-8859-1 or
 * windows-1252 as declared. XML 1.1 is brought to the line ends of XML 1.0. Refused: other encodings and versions, bytes
 * that are no text in the encoding, a declaration that contradicts the bytes.
 */
export function readXmlSource(bytes: Uint8Array): XmlSource {
  const encoding = encodingOf(bytes)
  if (encoding === undefined) return refuse(`declared encoding ${declaredIn(bytes)}`)
  const text = decode(bytes, encoding)
  if (text === undefined) return refuse(`not ${encoding.toUpperCase()}`)
  if (!/^<\?xml[\t\n\r ]/.test(text)) return { ok: true, source: text }
  const declaration = declarationPattern.exec(text)
  if (declaration === null) return refuse('an XML declaration that is not one of XML 1.0 or 1.1')
  const [whole, minor = declaration[2], , declared = declaration[4]] = declaration
  if (declared !== undefined && !names[encoding].test(declared)) return refuse(`declared encoding ${declared}`)
  const body = text.slice(whole.length)
  if (minor === '0') return { ok: true, source: `<?xml version="1.0"?>${body}` }
  // Control characters that XML 1.1 has as references only (XML 1.1, RestrictedChar).
  if (/[\x7f-\x84\x86-\x9f]/.test(body)) return refuse('a control character that XML 1.1 does not allow')
  return { ok: true, source: `<?xml version="1.0"?>${body.replace(/\r\n|\r\x85|[\r\x85\u2028]/g, '\n')}` }
}

/** By the byte order mark, the first bytes, or the declaration. Undefined: one that is not read. */
function encodingOf(bytes: Uint8Array): Encoding | undefined {
  const [first, second, third, fourth] = bytes
  if (first === 0xff && second === 0xfe) return 'utf-16le'
  if (first === 0xfe && second === 0xff) return 'utf-16be'
  if (first === 0x3c && second === 0 && third === 0x3f && fourth === 0) return 'utf-16le'
  if (first === 0 && second === 0x3c && third === 0 && fourth === 0x3f) return 'utf-16be'
  const declared = declaredIn(bytes)
  if (declared === undefined || first === 0xef) return 'utf-8'
  const found = (['utf-8', 'iso-8859-1', 'windows-1252'] as const).find((one) => names[one].test(declared))
  return found
}

function declaredIn(bytes: Uint8Array): string | undefined {
  const head = Buffer.from(bytes.subarray(0, declarationBytesMax)).toString('latin1')
  return /^<\?xml[\t\n\r ][^>]*?[\t\n\r ]encoding[\t\n\r ]*=[\t\n\r ]*["']([^"'<>]*)["']/.exec(head)?.[1]
}

function decode(bytes: Uint8Array, encoding: Encoding): string | undefined {
  if (encoding === 'iso-8859-1') return Buffer.from(bytes).toString('latin1')
  if (encoding === 'windows-1252') return decodeWindows(bytes)
  if (encoding === 'utf-16be' && bytes.length % 2 !== 0) return undefined
  const ordered = encoding === 'utf-16be' ? Buffer.from(bytes).swap16() : bytes
  const decoder = encoding === 'utf-8' ? utf8 : utf16
  try {
    return decoder.decode(ordered)
  } catch {
    return undefined
  }
}

const utf8 = new TextDecoder('utf-8', { fatal: true })
const utf16 = new TextDecoder('utf-16le', { fatal: true })

// Not by TextDecoder: some versions of Node read windows-1252 as ISO-8859-1.
function decodeWindows(bytes: Uint8Array): string | undefined {
  const text = Buffer.from(bytes)
    .toString('latin1')
    .replace(/[\x80-\x9f]/g, (c) => windowsCharacters[c.charCodeAt(0) - 0x80] ?? ' ')
  const unknown = bytes.some((byte) => byte >= 0x80 && byte <= 0x9f && windowsCharacters[byte - 0x80] === ' ')
  return unknown ? undefined : text
}

function refuse(detail: string): XmlSource {
  return { ok: false, detail }
}
