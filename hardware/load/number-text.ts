// Numbers as people's files write them. Whether a comma is a decimal comma is decided over all values of a file.

import { kwhOf } from './column-names.ts'

export type DecimalRule = 'point' | 'comma' | 'ambiguous'

// Nothing longer is a number; it also keeps hostile text cheap.
const lengthMax = 40

const thousandsByComma = /^[+-]?[1-9]\d{0,2}(?:,\d{3})+$/
const decimalPoint = /^[+-]?(?:0?|\d+)\.(?:\d{1,2}|\d{4,})$|^[+-]?0\.\d+$/
const blanks = /[\s\u00a0\u202f'’]/g

/**
 * How the values of a file write a decimal: with a point, or with a comma. Ambiguous when commas may as well separate
 * thousands (1,234) and no value decides it; in files that are not separated by commas that is a decimal comma.
 */
export function decimalRuleOf(values: Iterable<string>, separator: string | undefined): DecimalRule {
  let isAmbiguous = false
  let hasPoint = false
  for (const value of values) {
    if (value.length > lengthMax) continue
    const comma = value.lastIndexOf(',')
    if (comma < 0) {
      hasPoint ||= decimalPoint.test(value)
      continue
    }
    const point = value.lastIndexOf('.')
    if (point >= 0) return point > comma ? 'point' : 'comma'
    if (!thousandsByComma.test(value.replace(blanks, ''))) {
      if (/^[+-]?\d*,\d+/.test(value)) return 'comma'
    } else isAmbiguous = true
  }
  if (!isAmbiguous || hasPoint) return 'point'
  return separator === undefined || separator === ',' ? 'ambiguous' : 'comma'
}

const noValue = /^(?:null|nil|nan|n\/?a|#n\/a|none|missing|no data|-+|\.)?$/i
const plain = /^[+-]?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d{1,3})?$/i
const grouped = { point: /^[+-]?\d{1,3}(?:,\d{3})+(?:\.\d*)?$/, comma: /^[+-]?\d{1,3}(?:\.\d{3})+,\d*$/ }

export type NumberText = { value: number; kwhEach?: number } | 'no-value' | 'not-a-number'

/** A number by the file's rule; a unit of energy may stand behind it. Empty, Null, NaN, n/a and - are no value. */
export function readNumberText(text: string, rule: 'point' | 'comma'): NumberText {
  if (noValue.test(text)) return 'no-value'
  if (text.length > lengthMax) return 'not-a-number'
  const unit = /[a-z].*$/i.exec(text.replace(/(?<=\d)e[+-]?\d/i, ''))?.[0]
  const kwhEach = unit === undefined ? undefined : kwhOf(unit)
  if (unit !== undefined && kwhEach === undefined) return 'not-a-number'
  const digits = (unit === undefined ? text : text.slice(0, -unit.length)).replace(blanks, '')
  const groups = grouped[rule].test(digits) ? digits.replaceAll(rule === 'point' ? ',' : '.', '') : digits
  const number = rule === 'comma' ? groups.replace(',', '.') : groups
  // With a decimal comma 1.234 may be a thousand: it is not guessed.
  if (!plain.test(number) || (rule === 'comma' && digits.includes('.') && !digits.includes(','))) return 'not-a-number'
  const value = Number(number)
  if (!Number.isFinite(value)) return 'not-a-number'
  return kwhEach === undefined ? { value } : { value, kwhEach }
}
