// Reading an element by the rules of an xs:sequence, for the strict and simple shapes DUIS uses.

import { instanceNamespace, schemaNamespace, serviceNamespace } from './names.ts'
import type { XmlAttribute, XmlElement } from './xml-tree.ts'

/** A child that must, or may, stand here once. */
export type ChildRow = { name: string; optional?: boolean }

/**
 * The children of `element` by name: exactly those of `rows`, in that order, each at most once, all in the DUIS
 * namespace, with nothing but white space between them. A sentence on the first deviation otherwise.
 */
export function readSequence(element: XmlElement, rows: readonly ChildRow[]): Map<string, XmlElement> | string {
  const attribute = ownAttributes(element)[0]
  if (attribute !== undefined) return `${element.name} has an attribute ${attribute.name}`
  if (hasText(element)) return `${element.name} holds text`
  const found = new Map<string, XmlElement>()
  let next = 0
  for (const child of element.children) {
    if (child.namespace !== serviceNamespace) return `${child.name} in ${element.name} is not in the DUIS namespace`
    let row = rows[next]
    while (row !== undefined && row.name !== child.name && row.optional) row = rows[++next]
    if (row?.name !== child.name) {
      const wanted = row === undefined ? 'nothing more' : row.name
      return `${element.name} holds ${child.name} where ${wanted} belongs`
    }
    found.set(child.name, child)
    next++
  }
  const missing = rows.slice(next).find((row) => !row.optional)
  return missing === undefined ? found : `${element.name} lacks ${missing.name}`
}

/** The text of an element that has nothing but text, or undefined. */
export function leafText(element: XmlElement): string | undefined {
  return element.children.length === 0 && ownAttributes(element).length === 0 ? element.text : undefined
}

/**
 * Attributes without those that XML Schema allows on every element and that change no value: xsi:schemaLocation and, when
 * it names a type of XML Schema or of DUIS, xsi:type.
 */
export function ownAttributes({ attributes, scope }: XmlElement): readonly XmlAttribute[] {
  if (attributes.length === 0) return attributes
  return attributes.filter(({ namespace, name, value }) => {
    if (namespace !== instanceNamespace) return true
    if (/^(?:schemaLocation|noNamespaceSchemaLocation)$/.test(name)) return false
    const type = /^(?:([\w.-]+):)?[\w.-]+$/.exec(trimmed(value))
    const typeNamespace = type === null ? undefined : scope.get(type[1] ?? '')
    return name !== 'type' || (typeNamespace !== serviceNamespace && typeNamespace !== schemaNamespace)
  })
}

/** The text of a child. One that is absent, or has children or attributes, gives a text that is never valid. */
export function textOf(found: ReadonlyMap<string, XmlElement>, name: string): string {
  const child = found.get(name)
  return (child && leafText(child)) ?? '\0'
}

/** True when there is more than white space directly in the element. */
export function hasText(element: XmlElement): boolean {
  return /[^ \t\r\n]/.test(element.text)
}

/** Without the white space that XML Schema collapses around tokens, numbers and dates. */
export function trimmed(text: string): string {
  let start = 0
  let end = text.length
  // A regular expression would take quadratic time on a long run of spaces within the text.
  while (start < end && isSpace(text.charCodeAt(start))) start++
  while (end > start && isSpace(text.charCodeAt(end - 1))) end--
  return text.slice(start, end)
}

function isSpace(code: number): boolean {
  return code === 0x20 || code === 0x09 || code === 0x0a || code === 0x0d
}
