// Converts a tariff switching table from JSON to the bytes that the meter stores (firmware/tariff.ts, SPEC.md section 11).

import { isTariff } from '../../firmware/tariff.ts'
import { dateOfDay, dayOfDate } from '../../protocol/half-hour.ts'
import { tariffBytesMax, touRegisters } from '../../protocol/limits.ts'

/** An example of such a file, for messages. */
export const tariffExample =
  '{ "time": "local", "weekday": { "00:00": 1, "16:00": 2, "19:00": 1 }, "weekend": { "00:00": 1 }, ' +
  '"special": { "12-25": { "00:00": 1 } } }'

export type TariffResult = { ok: true; table: Uint8Array } | { ok: false; problem: string }

/** An error in a part of the file; `readTariff` catches it. */
class Problem extends Error {}

type Fields = { [name: string]: unknown }

function fieldsOf(value: unknown, where: string): Fields {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Fields
  throw new Problem(`${where} is not an object in braces`)
}

/** A quarter of an hour since midnight, from HH:MM. */
function quarterOf(text: string, where: string): number {
  const parts = /^([01]\d|2[0-3]):(00|15|30|45)$/.exec(text)
  if (parts === null) throw new Problem(`${where}: "${text}" is not a time on a quarter of an hour, such as "16:30"`)
  return Number(parts[1]) * 4 + Number(parts[2]) / 15
}

/** A day profile: the number of switches, then the quarter of an hour and the register of each. */
function profileOf(value: unknown, where: string): number[] {
  const switches = Object.entries(fieldsOf(value, where)).map(([text, register]) => {
    const quarter = quarterOf(text, where)
    if (typeof register !== 'number' || !Number.isInteger(register) || register < 1 || register > touRegisters) {
      throw new Problem(`${where}: the register at ${text} is a whole number from 1 to ${touRegisters}`)
    }
    return { quarter, register: register - 1 }
  })
  switches.sort((a, b) => a.quarter - b.quarter)
  if (switches[0]?.quarter !== 0) throw new Problem(`${where} does not say which register counts from "00:00" on`)
  return [switches.length, ...switches.flatMap(({ quarter, register }) => [quarter, register])]
}

/** A special day: YYYY-MM-DD for one day, MM-DD for a day of every year. */
function specialDayOf(text: string): number {
  const parts = /^(?:(\d{4})-)?(\d{2})-(\d{2})$/.exec(text)
  const month = Number(parts?.[2])
  const day = Number(parts?.[3])
  // Without a year, a leap year is assumed, so that 29 February is accepted.
  const number = dayOfDate(Number(parts?.[1] ?? 2000), month, day)
  const date = parts === null || month < 1 || month > 12 || day < 1 ? undefined : dateOfDay(number)
  if (parts === null || date === undefined || date.month !== month || date.day !== day) {
    throw new Problem(`special: "${text}" is not a day, such as "12-25" or "2026-04-03"`)
  }
  if (parts[1] === undefined) return 0x8000 + month * 32 + day
  if (number < 0 || number >= 0x8000) throw new Problem(`special: "${text}" is not from 1970 to 2059`)
  return number
}

function tableOf(file: Fields): Uint8Array {
  const known = ['time', 'weekday', 'weekend', 'special']
  const unknown = Object.keys(file).find((name) => !known.includes(name))
  if (unknown !== undefined) throw new Problem(`"${unknown.slice(0, 40)}" is not one of ${known.join(', ')}`)
  const { time, weekday, weekend, special } = file
  if (time !== 'local' && time !== 'utc') throw new Problem('time is "local" or "utc": by which clock it switches')
  if (weekday === undefined) throw new Problem('weekday is missing')
  const profiles: number[][] = []
  /** The number of a profile; equal profiles share one. */
  function numberOf(value: unknown, where: string): number {
    const profile = profileOf(value, where)
    const same = profiles.findIndex((one) => one.join() === profile.join())
    return same >= 0 ? same : profiles.push(profile) - 1
  }
  const ofWeekday = numberOf(weekday, 'weekday')
  const ofWeekend = weekend === undefined ? ofWeekday : numberOf(weekend, 'weekend')
  const days = Object.entries(special === undefined ? {} : fieldsOf(special, 'special')).flatMap(([text, value]) => {
    const day = specialDayOf(text)
    return [day & 255, day >> 8, numberOf(value, `special "${text}"`)]
  })
  const bytes = 4 + days.length + profiles.flat().length
  if (bytes > tariffBytesMax) {
    throw new Problem(
      `it takes ${bytes} bytes in the meter, at most ${tariffBytesMax} fit: each special day takes 3, each day profile ` +
        'that differs 1 and 2 for each switch',
    )
  }
  return Uint8Array.from([time === 'local' ? 1 : 0, ofWeekday, ofWeekend, days.length / 3, ...days, ...profiles.flat()])
}

/**
 * Reads a tariff switching table: `weekday` (Monday to Friday), `weekend` (the same as weekday unless given) and `special`
 * days, each an object of switch times (HH:MM, on a quarter of an hour, the first 00:00) with the TOU register that counts
 * from then on, 1 to 48; `time` is "local" (British) or "utc". A special day is YYYY-MM-DD, or MM-DD for every year; of two
 * that match a day the first in the file is used.
 * Never throws; an error names the part of the file.
 */
export function readTariff(text: string): TariffResult {
  try {
    const table = tableOf(fieldsOf(JSON.parse(text), 'the file'))
    // The firmware's own check.
    if (!isTariff(table)) throw new Problem('the meter does not accept it')
    return { ok: true, table }
  } catch (error) {
    if (!(error instanceof Problem || error instanceof SyntaxError)) throw error
    const what = error instanceof SyntaxError ? `it is not JSON: ${error.message}` : error.message
    return { ok: false, problem: `${what}. It looks like ${tariffExample}` }
  }
}
