// A fast path for XML as most DUIS clients write it: canonical form and tree without libxml2 (measured: a tenth of the
// time).
//
// It reads only ASCII, the DUIS namespaces and double quotes; no comments, CDATA sections or processing instructions, and of
// references only the `&#13;` with which Java ends lines of base64. Everything else, errors included, is left to libxml2, so
// this file alone accepts or refuses no document. `test/host/duis/plain-xml.test.ts` compares each result with libxml2's.

import { instanceNamespace, responseNamespace, serviceNamespace, signatureNamespace } from './names.ts'
import type { TreeLimits, XmlAttribute, XmlElement } from './xml-tree.ts'

/** The declaration and white space before the root. */
const head = /^(?:<\?xml version="1\.0"(?: encoding="[Uu][Tt][Ff]-8")?\?>)?[\t\n ]*(?=<)/
const notPlain = /[^\t\n\x20-\x7e]/
/** An end tag: its name. Or a start tag: its name, the attributes, the slash of an empty one. */
const anyTag =
  /<(?:\/([\w.:-]+)[\t\n ]*|([A-Za-z_][\w.-]*(?::[A-Za-z_][\w.-]*)?)((?:[\t\n ]+[\w.:-]+="[^"<>&]*")*)[\t\n ]*(\/?))>/y
const anyAttribute = /([A-Za-z_][\w.-]*)(?::([A-Za-z_][\w.-]*))?="([^"\t\n]*)"/y
const spaces = /[\t\n ]+/y
const javaReturn = '&#13;'
const canonicalReturn = '&#xD;'
const notBlank = /[^\t\n ]/

const namespaces = new Set([serviceNamespace, responseNamespace, signatureNamespace, instanceNamespace])

type Scope = XmlElement['scope']

const noScope: Scope = new Map([['xml', 'http://www.w3.org/XML/1998/namespace']])

/** The canonical text of a document and its tree, as `readXml` gives them; undefined: it is not plain, ask libxml2. */
export function readPlainXml(source: string, limits: TreeLimits): { text: string; root: XmlElement } | undefined {
  const start = head.exec(source)?.[0].length
  if (start === undefined || notPlain.test(source)) return undefined
  const open: XmlElement[] = []
  let root: XmlElement | undefined
  let elements = 0
  let attributes = 0
  let at = start
  /** The canonical text up to `copiedTo` of the source: what lies between is copied when something differs. */
  let text = ''
  let copiedTo = at
  while (at < source.length) {
    const tag = source.indexOf('<', at)
    const parent = open[open.length - 1]
    const data = source.slice(at, tag === -1 ? source.length : tag)
    if (parent !== undefined) {
      // Canonical text writes '>' as a reference.
      if (data.includes('>')) return undefined
      if (data.includes('&')) {
        const character = data.replaceAll(javaReturn, '\r')
        if (character.includes('&')) return undefined
        parent.text += character
        text += source.slice(copiedTo, at) + data.replaceAll(javaReturn, canonicalReturn)
        copiedTo = at + data.length
      } else parent.text += data
    } else if (notBlank.test(data)) return undefined
    if (parent === undefined && root !== undefined) {
      // White space after the root is no part of the canonical form.
      if (tag !== -1) return undefined
      source = source.slice(0, at)
      break
    }
    if (tag === -1) return undefined
    anyTag.lastIndex = tag
    const found = anyTag.exec(source)
    if (found === null) return undefined
    const end = anyTag.lastIndex
    const [, closing, name = '', given = '', slash] = found
    const position = text.length + tag - copiedTo
    if (closing !== undefined) {
      const canonical = closeElement(open.pop(), closing, position)
      if (canonical === undefined) return undefined
      if (end - tag !== canonical.length) {
        text += source.slice(copiedTo, tag) + canonical
        copiedTo = end
      }
    } else {
      const element = startTag(name, given, position, parent?.scope ?? noScope)
      if (element === undefined) return undefined
      const { canonical, child } = element
      elements += 1
      attributes += child.attributes.length
      if (elements > limits.elementsMax || attributes > limits.attributesMax || open.length >= limits.depthMax) {
        return undefined
      }
      if (slash === '/' || end - tag !== canonical.length || !source.startsWith(canonical, tag)) {
        text += source.slice(copiedTo, tag) + canonical
        copiedTo = end
      }
      if (parent === undefined) root = child
      else parent.children.push(child)
      if (slash === '/') text += closeElement(child, name, child.openEnd)
      else open.push(child)
    }
    at = end
  }
  if (root === undefined || open.length > 0) return undefined
  text += source.slice(copiedTo)
  return { text, root }
}

/** Ends an element at a position of the canonical text; returns its end tag, or undefined when another element is open. */
function closeElement(element: XmlElement | undefined, name: string, position: number): string | undefined {
  if (element === undefined || name !== qualifiedName(element)) return undefined
  const canonical = `</${name}>`
  element.closeStart = position
  element.end = position + canonical.length
  return canonical
}

function qualifiedName({ prefix, name }: { prefix: string; name: string }): string {
  return prefix === '' ? name : `${prefix}:${name}`
}

/** A start tag in canonical form and as an element, or undefined when it is not plain. */
function startTag(
  qualified: string,
  given: string,
  start: number,
  outer: Scope,
): { canonical: string; child: XmlElement } | undefined {
  const colon = qualified.indexOf(':')
  const prefix = colon === -1 ? '' : qualified.slice(0, colon)
  let scope = outer
  let declarations = ''
  let attributes: XmlAttribute[] = []
  if (given !== '') {
    const read = readAttributes(given, outer)
    if (read === undefined) return undefined
    scope = read.scope
    declarations = read.declarations
    attributes = read.attributes
  }
  const namespace = scope.get(prefix) ?? ''
  if (prefix !== '' && !namespaces.has(namespace)) return undefined
  let canonical = `<${qualified}${declarations}`
  for (const { source } of attributes) canonical += source
  canonical += '>'
  const openEnd = start + canonical.length
  const name = qualified.slice(colon + 1)
  const child = {
    prefix,
    name,
    namespace,
    attributes,
    children: [],
    text: '',
    scope,
    start,
    openEnd,
    closeStart: -1,
    end: -1,
  }
  return { canonical, child }
}

function readAttributes(given: string, outer: Scope) {
  const declared: [string, string][] = []
  const attributes: XmlAttribute[] = []
  for (let at = 0; at < given.length; ) {
    spaces.lastIndex = at
    if (!spaces.test(given)) break
    anyAttribute.lastIndex = at = spaces.lastIndex
    const found = anyAttribute.exec(given)
    if (found === null) return undefined
    at = anyAttribute.lastIndex
    const [source, first = '', second, value = ''] = found
    if (first === 'xmlns') {
      // A prefix declared twice, and any prefix with `xml`, is left to libxml2.
      const prefix = second ?? ''
      const known = outer.has(prefix) || declared.some(([other]) => other === prefix)
      if (known || /^xml/i.test(prefix) || !namespaces.has(value)) return undefined
      declared.push([prefix, value])
    } else {
      const [prefix, name] = second === undefined ? ['', first] : [first, second]
      attributes.push({ prefix, name, namespace: '', value, source: ` ${source}` })
    }
  }
  const scope = declared.length === 0 ? outer : new Map([...outer, ...declared])
  for (const attribute of attributes) {
    if (attribute.prefix === '') continue
    const namespace = scope.get(attribute.prefix) ?? ''
    if (!namespaces.has(namespace)) return undefined
    attribute.namespace = namespace
  }
  if (attributes.length > 1) {
    attributes.sort((a, b) => compare(a.namespace, b.namespace) || compare(a.name, b.name))
    const twice = attributes.some((one, i) => {
      const next = attributes[i + 1]
      return next !== undefined && next.name === one.name && next.namespace === one.namespace
    })
    if (twice) return undefined
  }
  const declarations = declared
    .sort(([a], [b]) => compare(a, b))
    .map(([prefix, value]) => ` xmlns${prefix === '' ? '' : ':'}${prefix}="${value}"`)
    .join('')
  return { scope, declarations, attributes }
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}
