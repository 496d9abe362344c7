// From bytes to a tree, by way of the canonical form.
//
// libxml2, or for plain documents `plain-xml.ts`, parses once and writes the document's inclusive Canonical XML 1.0 (no
// comments). Everything afterwards, the digest, the signature and the business fields, is read from that one text. What
// was signed and what is acted upon can therefore not be two different things, as in signature wrapping.

import { ParseOption, XmlC14NMode, XmlDocument, XmlError } from 'libxml2-wasm'
import { readPlainXml } from './plain-xml.ts'
import { readXmlSource } from './xml-source.ts'
import { readCanonicalTree, type XmlElement } from './xml-tree.ts'

/** Most that a document may hold; counts are for the whole document. */
export type XmlLimits = {
  bytesMax: number
  elementsMax: number
  depthMax: number
  attributesMax: number
  namespacesMax: number
}

/**
 * Limits for what a User sends. The largest request in scope is about 5 kB; 64 KiB leaves room for requests that
 * are refused with a proper response. `namespacesMax` is the one that matters: canonicalising 64 KiB of namespace declarations
 * costs libxml2 minutes, because it searches all of them again for each element.
 */
export const requestLimits: XmlLimits = {
  bytesMax: 65_536,
  elementsMax: 4_096,
  depthMax: 32,
  attributesMax: 512,
  namespacesMax: 32,
}

/** Limits for answers, which may carry 19,056 half-hours (MMC 4.8.1), about 3.5 MB. */
export const responseLimits: XmlLimits = {
  bytesMax: 16_777_216,
  elementsMax: 262_144,
  depthMax: 32,
  attributesMax: 4_096,
  namespacesMax: 32,
}

/** A parsed document as plain values: nothing to dispose of. Offsets in `root` point into `text`. */
export type XmlText = {
  /** Inclusive Canonical XML 1.0 of the whole document, without comments. */
  text: string
  root: XmlElement
}

/** Why bytes were not accepted as a document. */
export type XmlFault = 'oversized' | 'malformed' | 'tooComplex'

export type XmlResult = { ok: true; document: XmlText } | { ok: false; fault: XmlFault; detail: string }

/**
 * Parses `bytes` as one XML document, in the encodings and versions of `readXmlSource`.
 *
 * Refused besides what is not well-formed: more than `limits`, NUL, any document type or entity declaration (libxml2
 * would expand internal entities), declarations of the prefix xml. Comments, CDATA sections and processing instructions
 * are accepted and never split a value; instructions are part of the canonical form, comments are not.
 */
export function readXml(bytes: Uint8Array, limits: XmlLimits): XmlResult {
  if (bytes.length > limits.bytesMax) return refuse('oversized', `${bytes.length} bytes, at most ${limits.bytesMax}`)
  const decoded = readXmlSource(bytes)
  if (!decoded.ok) return refuse('malformed', decoded.detail)
  const { source } = decoded
  const forbidden = forbiddenIn(source)
  if (forbidden !== undefined) return refuse('malformed', forbidden)
  const excess = excessOf(source, limits)
  if (excess !== undefined) return refuse('tooComplex', excess)
  const plain = readPlainXml(source, limits)
  if (plain !== undefined) return { ok: true, document: plain }
  let text: string
  try {
    text = canonicalText(source)
  } catch (error) {
    // Anything but an error of libxml2 about the document is a fault of this program or a broken WASM instance.
    if (!(error instanceof XmlError)) throw error
    return refuse('malformed', firstLine(error.message))
  }
  const tree = readCanonicalTree(text, limits)
  return tree.ok ? { ok: true, document: { text, root: tree.root } } : refuse('tooComplex', tree.detail)
}

/** Inclusive Canonical XML 1.0, without comments, of XML text known to hold no document type. Throws XmlError. */
export function canonicalText(source: string): string {
  // Not with XML_PARSE_NOERROR: that would also keep undeclared prefixes and the like from being refused.
  const option = ParseOption.XML_PARSE_NONET | ParseOption.XML_PARSE_NO_XXE
  const document = XmlDocument.fromString(source, { option })
  try {
    return document.canonicalizeToString({ mode: XmlC14NMode.XML_C14N_1_0 })
  } finally {
    document.dispose()
  }
}

/** What makes the text unacceptable before any parser sees it, or undefined. */
function forbiddenIn(source: string): string | undefined {
  if (source.includes('\0')) return 'NUL character'
  if (/<!(?:DOCTYPE|ENTITY)/i.test(source)) return 'document type or entity declaration'
  // It is never needed, and implementations of Canonical XML do not agree whether it is to be written (it is not).
  if (/xmlns:xml\s*=/.test(source)) return 'declaration of the prefix xml'
  return undefined
}

/**
 * The limit that is exceeded, or undefined. Upper bounds, counted in the raw text before libxml2, because its work grows
 * with their product; elements and attributes are counted again in the tree, exactly.
 */
function excessOf(source: string, limits: XmlLimits): string | undefined {
  if (count(source, 'xmlns') > limits.namespacesMax) return `more than ${limits.namespacesMax} namespace declarations`
  // Each element has at most two tags; the rest allows for comments and the declaration.
  if (count(source, '<') > 2 * limits.elementsMax + 64) return `more than ${limits.elementsMax} elements`
  if (count(source, '=') > 2 * limits.attributesMax + 64) return `more than ${limits.attributesMax} attributes`
  return undefined
}

function count(text: string, needle: string): number {
  let found = 0
  for (let at = text.indexOf(needle); at !== -1; at = text.indexOf(needle, at + needle.length)) found++
  return found
}

function firstLine(message: string): string {
  return message.split('\n', 1)[0] || 'not well-formed'
}

function refuse(fault: XmlFault, detail: string): XmlResult {
  return { ok: false, fault, detail }
}
