// The body of 8.2: the query of an inventory.

import { leafText, readSequence, textOf, trimmed } from './child-sequence.ts'
import type { InventoryQuery } from './non-device-fields.ts'
import { parseEui } from './request.ts'
import type { XmlElement } from './xml-tree.ts'

/** Reads the choice of ReadInventory (DUIS XSD). Returns a sentence on the first error. */
export function readInventoryQuery(element: XmlElement): InventoryQuery | string {
  const choices = ['UPRN', 'DeviceID', 'MPxN', 'PropertyFilter'].map((name) => ({ name, optional: true }))
  const found = readSequence(element, choices)
  if (typeof found === 'string') return found
  const [child, ...more] = [...found.values()]
  if (child === undefined || more.length > 0) {
    return `${element.name} holds one of UPRN, DeviceID, MPxN and PropertyFilter`
  }
  if (child.name === 'PropertyFilter') return readProperty(child)
  const text = leafText(child) ?? '\0'
  if (child.name === 'UPRN') {
    const uprn = /^\+?0{0,9}([1-9]\d{0,11})$/.exec(trimmed(text))?.[1]
    return uprn === undefined ? 'UPRN is no whole number of 1 to 12 digits' : { by: 'UPRN', uprn }
  }
  if (child.name === 'DeviceID') {
    const eui = parseEui(trimmed(text))
    return eui === undefined ? 'DeviceID is no EUI-64' : { by: 'DeviceID', eui }
  }
  return text.length >= 1 && text.length <= 13 && text !== '\0'
    ? { by: 'MPxN', mpxn: text }
    : 'MPxN has 1 to 13 characters'
}

function readProperty(element: XmlElement): InventoryQuery | string {
  const found = readSequence(element, [{ name: 'PostCode' }, { name: 'AddressIdentifier' }])
  if (typeof found === 'string') return found
  const postcode = textOf(found, 'PostCode')
  const addressId = textOf(found, 'AddressIdentifier')
  if (postcode.length < 6 || postcode.length > 8) return 'PostCode has 6 to 8 characters'
  if (addressId === '\0' || addressId.length > 30) return 'AddressIdentifier has at most 30 characters'
  return { by: 'PropertyFilter', postcode, addressId }
}
