// A tree over canonical XML text, and the exclusive canonical form of a part of it.
//
// Canonical XML is a very small language: no declarations, comments, CDATA, empty-element tags or entities but five
// escapes, processing instructions as they are, one space between attributes, double quotes. So this reader is short. Anything unexpected is a fault
// of the canonicaliser: it throws.

/** `source` is the attribute as it stands in the text, with the space before it. */
export type XmlAttribute = { prefix: string; name: string; namespace: string; value: string; source: string }

/** An element. `text` is the character data directly inside it, escapes resolved; offsets are into the whole text. */
export type XmlElement = {
  prefix: string
  name: string
  namespace: string
  /** Attributes proper, in canonical order; namespace declarations are in `scope`. */
  attributes: readonly XmlAttribute[]
  children: XmlElement[]
  text: string
  /** Namespace by prefix in force here; '' is the default namespace. */
  scope: Scope
  start: number
  /** Just after the start tag. */
  openEnd: number
  /** At the end tag. */
  closeStart: number
  end: number
}

type Scope = ReadonlyMap<string, string>

export type TreeLimits = { elementsMax: number; depthMax: number; attributesMax: number }

export type TreeResult = { ok: true; root: XmlElement } | { ok: false; detail: string }

const xmlScope: Scope = new Map([['xml', 'http://www.w3.org/XML/1998/namespace']])

/** Reads canonical XML `text`; the only failures are its limits, named in `detail`. */
export function readCanonicalTree(text: string, limits: TreeLimits): TreeResult {
  const open: XmlElement[] = []
  let root: XmlElement | undefined
  let elements = 0
  let attributes = 0
  let at = 0
  while (at < text.length) {
    const tag = text.indexOf('<', at)
    const parent = open[open.length - 1]
    if (parent !== undefined && tag > at) parent.text += unescapeText(text.slice(at, tag))
    if (tag === -1) break
    if (text[tag + 1] === '?') {
      const end = text.indexOf('?>', tag)
      if (end === -1) throw new Error(`canonical XML ends inside an instruction at ${tag}`)
      at = end + 2
      continue
    }
    if (text[tag + 1] === '/') {
      const closed = open.pop()
      if (closed === undefined) throw new Error(`canonical XML closes nothing at ${tag}`)
      closed.closeStart = tag
      at = text.indexOf('>', tag) + 1
      closed.end = at
      continue
    }
    const element = startTag(text, tag, parent?.scope ?? xmlScope)
    at = element.openEnd
    elements++
    attributes += element.attributes.length
    const excess = excessOf(elements, attributes, open.length, limits)
    if (excess !== undefined) return { ok: false, detail: excess }
    if (parent !== undefined) parent.children.push(element)
    else if (root === undefined) root = element
    else throw new Error('canonical XML has two roots')
    open.push(element)
  }
  if (root === undefined || open.length > 0) throw new Error('canonical XML is not one element')
  return { ok: true, root }
}

function excessOf(elements: number, attributes: number, depth: number, limits: TreeLimits): string | undefined {
  if (elements > limits.elementsMax) return `more than ${limits.elementsMax} elements`
  if (attributes > limits.attributesMax) return `more than ${limits.attributesMax} attributes`
  return depth >= limits.depthMax ? `deeper than ${limits.depthMax} elements` : undefined
}

/** Reads the start tag at `start`, attribute by attribute: '>' may stand unescaped in a value. */
function startTag(text: string, start: number, outer: Scope): XmlElement {
  const nameEnd = endOfName(text, start + 1)
  const { prefix, name } = split(text.slice(start + 1, nameEnd))
  let scope = outer
  let declared: Map<string, string> | undefined
  const attributes: XmlAttribute[] = []
  let at = nameEnd
  while (text[at] === ' ') {
    const equals = text.indexOf('="', at)
    const valueEnd = text.indexOf('"', equals + 2)
    if (equals === -1 || valueEnd === -1) throw new Error(`canonical XML ends inside a tag at ${start}`)
    const qualified = text.slice(at + 1, equals)
    const value = unescapeText(text.slice(equals + 2, valueEnd))
    if (qualified === 'xmlns' || qualified.startsWith('xmlns:')) {
      declared ??= new Map(outer)
      declared.set(qualified.slice(6), value)
      scope = declared
    } else attributes.push({ ...split(qualified), namespace: '', value, source: text.slice(at, valueEnd + 1) })
    at = valueEnd + 1
  }
  if (text[at] !== '>') throw new Error(`canonical XML has no end of the tag at ${start}`)
  // An attribute without a prefix is in no namespace, whatever the default.
  for (const attribute of attributes) if (attribute.prefix) attribute.namespace = scope.get(attribute.prefix) ?? ''
  const namespace = scope.get(prefix) ?? ''
  const openEnd = at + 1
  return { prefix, name, namespace, attributes, children: [], text: '', scope, start, openEnd, closeStart: -1, end: -1 }
}

function endOfName(text: string, start: number): number {
  const close = text.indexOf('>', start)
  // Within the tag only: looking for a space in the rest of a long document, tag after tag, would be quadratic.
  const space = text.slice(start, close).indexOf(' ')
  return space === -1 ? close : start + space
}

function split(qualified: string): { prefix: string; name: string } {
  const colon = qualified.indexOf(':')
  return colon === -1
    ? { prefix: '', name: qualified }
    : { prefix: qualified.slice(0, colon), name: qualified.slice(colon + 1) }
}

const escapes: Record<string, string> = {
  '&amp;': '&',
  '&lt;': '<',
  '&gt;': '>',
  '&quot;': '"',
  '&#x9;': '\t',
  '&#xA;': '\n',
  '&#xD;': '\r',
}

function unescapeText(text: string): string {
  if (!text.includes('&')) return text
  return text.replace(/&[^;]*;/g, (reference) => {
    const character = escapes[reference]
    if (character === undefined) throw new Error(`canonical XML holds ${reference}`)
    return character
  })
}

/** Escapes character data as Canonical XML 1.0 section 2.3 does. */
export function escapeText(text: string): string {
  return text.replace(/[&<>\r]/g, (c) => (c === '&' ? '&amp;' : c === '<' ? '&lt;' : c === '>' ? '&gt;' : '&#xD;'))
}

/**
 * Exclusive Canonical XML 1.0 (without comments, no inclusive prefixes) of `element`, taken from the document's
 * inclusive form: the two differ only in which namespaces each start tag declares.
 */
export function exclusiveText(text: string, element: XmlElement, rendered: Scope = new Map()): string {
  const used = new Set([element.prefix])
  for (const attribute of element.attributes) if (attribute.prefix) used.add(attribute.prefix)
  used.delete('xml')
  let now = rendered
  let declarations = ''
  for (const prefix of [...used].sort()) {
    const namespace = element.scope.get(prefix) ?? ''
    if ((rendered.get(prefix) ?? '') === namespace) continue
    now = new Map(now).set(prefix, namespace)
    declarations += ` ${prefix ? `xmlns:${prefix}` : 'xmlns'}="${escapeValue(namespace)}"`
  }
  const name = element.prefix ? `${element.prefix}:${element.name}` : element.name
  let out = `<${name}${declarations}${element.attributes.map((attribute) => attribute.source).join('')}>`
  let at = element.openEnd
  for (const child of element.children) {
    out += text.slice(at, child.start) + exclusiveText(text, child, now)
    at = child.end
  }
  return out + text.slice(at, element.end)
}

function escapeValue(value: string): string {
  return value
    .replace(/&/g, '&amp;')
    .replace(/</g, '&lt;')
    .replace(/"/g, '&quot;')
    .replace(/\t/g, '&#x9;')
    .replace(/\n/g, '&#xA;')
    .replace(/\r/g, '&#xD;')
}
