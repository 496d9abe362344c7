// Readers of registry fields. A wrong value is reported with its place and what to write instead.

import { parseEui } from '../duis/request.ts'
import { shown } from './callback.ts'
import { isMpan } from './mpan.ts'
import { isDate } from './settlement-day.ts'

export type Note = (place: string, problem: string) => void
export type Fields = Record<string, unknown>

export function readFields(value: unknown, place: string, names: readonly string[], note: Note): Fields {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    note(place, `expected an object with ${names.join(', ')}`)
    return {}
  }
  for (const name of Object.keys(value)) {
    if (!names.includes(name))
      note(`${place}.${/^\w{1,60}$/.test(name) ? name : shown(name)}`, `no such field; there are ${names.join(', ')}`)
  }
  return value as Fields
}

export function readList<T>(
  value: unknown,
  place: string,
  countMax: number,
  read: (item: unknown, place: string, note: Note) => T,
  note: Note,
): T[] {
  if (!Array.isArray(value)) note(place, 'expected a list')
  else if (value.length > countMax) note(place, `${value.length} of them; the most is ${countMax}`)
  else return value.map((item, index) => read(item, `${place}[${index}]`, note))
  return []
}

export function readEui(value: unknown, place: string, note: Note): string {
  const eui = typeof value === 'string' ? parseEui(value) : undefined
  if (eui === undefined) note(place, `${shown(value)} is no EUI-64; write it as 90-B3-D5-1F-30-01-00-00`)
  return eui ?? ''
}

export function readMpan(value: unknown, place: string, note: Note): string {
  if (typeof value === 'string' && isMpan(value)) return value
  const digits = typeof value === 'string' && /^\d{13}$/.test(value)
  note(
    place,
    digits ? `the check digit of MPAN ${value} is wrong` : `${shown(value)} is no MPAN; write 13 digits in quotes`,
  )
  return ''
}

export function readMpid(value: unknown, place: string, note: Note): string {
  if (typeof value === 'string' && /^[A-Za-z0-9]{4}$/.test(value)) return value.toUpperCase()
  note(place, `${shown(value)} is no MPID; write 4 letters or digits`)
  return ''
}

export function readDate(value: unknown, place: string, note: Note): string {
  if (typeof value === 'string' && isDate(value) && value >= '1996-01-01' && value <= '2099-12-31') return value
  note(place, `${shown(value)} is no date from 1996-01-01 to 2099-12-31; write YYYY-MM-DD`)
  return ''
}

export function readText(value: unknown, place: string, what: string, lengthMax: number, note: Note): string {
  // A name with control characters could forge a line of the log.
  const text = typeof value === 'string' && /^[^\p{Cc}]+$/u.test(value) && value.length <= lengthMax ? value : undefined
  if (text === undefined) note(place, `expected ${what}, 1 to ${lengthMax} characters`)
  return text ?? ''
}

export function readOneOf<T extends string>(
  value: unknown,
  place: string,
  allowed: readonly [T, ...T[]],
  note: Note,
): T {
  const found = allowed.find((one) => one === value)
  if (found === undefined) note(place, `${shown(value)} is none of ${allowed.join(' ')}`)
  return found ?? allowed[0]
}
