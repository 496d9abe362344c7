// Optional fields of a device's registry row: what the Smart Metering Inventory says about the device.

import { isDate } from './settlement-day.ts'

/** Device types of the inventory (DUIS XSD, DeviceType). */
export const deviceTypes = ['ESME', 'GSME', 'GPF', 'CHF', 'HCALCS', 'PPMID', 'IHD', 'CAD'] as const
export type DeviceType = (typeof deviceTypes)[number]

/** Fields of the DUIS XSD's Device that are only listed. Absent fields are left out or have the defaults below. */
export type DeviceDetails = {
  /** Default: ESME. Other devices are listed, but cannot be read. */
  type?: DeviceType
  manufacturer?: string
  model?: string
  smetsVersion?: string
  firmware?: string
  /** `2021-03-01` */
  commissioned?: string
  uprn?: string
  postcode?: string
  addressId?: string
  /** The S1SP of the device, and the cohort for which sessions are counted (default: the S1SP's name). */
  s1sp?: string
  cohort?: string
  /** The CSP whose WAN the device is on. */
  csp?: string
}

/** Defaults of the inventory. They describe this stand-in, not a real meter. */
export const deviceDefaults = {
  type: 'ESME',
  manufacturer: 'smets1',
  model: 'stand-in ESME',
  s1sp: 'smets1',
  csp: 'smets1',
} as const

/** Most devices of one premises (DUIS XSD, DSPInventory). */
export const devicesPerPremisesMax = 17

const printable = (max: number, min = 1) => new RegExp(`^[^\\p{Cc}\\p{Cs}\\uFFFE\\uFFFF]{${min},${max}}$`, 'u')

const rows: readonly { name: keyof DeviceDetails; good(text: string): boolean; expected: string }[] = [
  {
    name: 'type',
    good: (text) => deviceTypes.some((one) => one === text),
    expected: `one of ${deviceTypes.join(' ')}`,
  },
  { name: 'manufacturer', good: fits(printable(30)), expected: '1 to 30 characters' },
  { name: 'model', good: fits(printable(30)), expected: '1 to 30 characters' },
  { name: 'smetsVersion', good: fits(printable(20)), expected: '1 to 20 characters' },
  { name: 'firmware', good: fits(printable(8)), expected: '1 to 8 characters' },
  { name: 'commissioned', good: isDate, expected: 'a date, YYYY-MM-DD' },
  { name: 'uprn', good: fits(/^[1-9]\d{0,11}$/), expected: '1 to 12 digits in quotes, no leading zero' },
  { name: 'postcode', good: fits(printable(8, 6)), expected: '6 to 8 characters' },
  { name: 'addressId', good: fits(printable(30)), expected: '1 to 30 characters' },
  { name: 's1sp', good: fits(printable(30)), expected: '1 to 30 characters' },
  { name: 'cohort', good: fits(printable(30)), expected: '1 to 30 characters' },
  { name: 'csp', good: fits(printable(30)), expected: '1 to 30 characters' },
]

/** Names of the fields. */
export const deviceDetailNames: readonly string[] = rows.map((row) => row.name)

function fits(pattern: RegExp) {
  return (text: string) => pattern.test(text)
}

/** Reads the fields that are present. A wrong value is reported with its place and left out. */
export function readDeviceDetails(
  fields: { [name: string]: unknown },
  place: string,
  note: (place: string, problem: string) => void,
): DeviceDetails {
  const details: { [name: string]: string } = {}
  for (const { name, good, expected } of rows) {
    const value = fields[name]
    if (value === undefined) continue
    if (typeof value === 'string' && good(value)) details[name] = value
    else note(`${place}.${name}`, `expected ${expected}`)
  }
  return details as DeviceDetails
}
