// The fields of a line of the audit trail: short texts without the separator and without line ends.

/** Writes a value as a field, and reads it back. A field that is empty stands for a value that is absent. */
export interface FieldCodec<Value> {
  write(value: Value): string
  /** Throws RangeError for what `write` does not write. */
  read(field: string): Value
}

/** Between the fields of a line. */
export const fieldSeparator = '|'

/** A present text that is empty. */
const emptyText = '%'
/** A present list that is empty. */
const emptyList = '%%'
/** Before a value that its codec's short form cannot hold. */
const verbatimMark = '!'

/** The signs that separate fields, rows and the parts of a row, control characters, and line ends of any kind. */
const unsafe = /[%|;,\p{Cc}\p{Cs}\u2028\u2029]|^!/gu
const escaped = /%([0-9A-F]{4})/g

function escapeText(text: string): string {
  return text.replace(unsafe, (one) => {
    const units = Array.from({ length: one.length }, (_, i) => one.charCodeAt(i))
    return units.map((unit) => `%${unit.toString(16).toUpperCase().padStart(4, '0')}`).join('')
  })
}

function unescapeText(field: string): string {
  return field.replace(escaped, (_, code: string) => String.fromCharCode(Number.parseInt(code, 16)))
}

export const textField: FieldCodec<string> = {
  write: (text) => (text === '' ? emptyText : escapeText(text)),
  read: (field) => (field === emptyText ? '' : unescapeText(field)),
}

/** A text of a closed set, such as a code or a role, written as it is. */
export function wordField<Word extends string>(): FieldCodec<Word> {
  return { write: textField.write, read: (field) => textField.read(field) as Word }
}

/** Text that mostly has a form for which there is a shorter one; any other is written as it is, behind a mark. */
function shortened(short: (text: string) => string | undefined, long: (field: string) => string): FieldCodec<string> {
  return {
    write: (text) => short(text) ?? verbatimMark + textField.write(text),
    read: (field) => (field.startsWith(verbatimMark) ? textField.read(field.slice(1)) : long(field)),
  }
}

const rememberedMax = 10_000

/** The same codec for values that occur again and again: it remembers up to 10,000 of them. */
function remembering(codec: FieldCodec<string>): FieldCodec<string> {
  const remember = (change: (from: string) => string) => {
    const known = new Map<string, string>()
    return (from: string) => {
      const found = known.get(from)
      if (found !== undefined) return found
      const to = change(from)
      if (known.size >= rememberedMax) known.clear()
      // Free text may be long, and does not occur again.
      if (from.length <= 32) known.set(from, to)
      return to
    }
  }
  return { write: remember(codec.write), read: remember(codec.read) }
}

function whole(field: string): number {
  const value = Number.parseInt(field, 36)
  if (!Number.isSafeInteger(value)) throw new RangeError(`"${field.slice(0, 40)}" is no number`)
  return value
}

/** Whole numbers in base 36. */
export const numberField: FieldCodec<number> = {
  write: (value) => (Number.isSafeInteger(value) ? value.toString(36) : `${verbatimMark}${value}`),
  read: (field) => (field.startsWith(verbatimMark) ? Number(field.slice(1)) : whole(field)),
}

/** ISO 8601 in UTC with milliseconds, as milliseconds since 1970. */
export const instantField = remembering(
  shortened(
    (text) => {
      const ms = Date.parse(text)
      return Number.isSafeInteger(ms) && new Date(ms).toISOString() === text ? ms.toString(36) : undefined
    },
    (field) => new Date(whole(field)).toISOString(),
  ),
)

const dayMs = 86_400_000

/** `2026-11-21`, as days since 1970. */
export const dateField = remembering(
  shortened(
    (text) => {
      const ms = Date.parse(`${text}T00:00:00.000Z`)
      const isDay = Number.isSafeInteger(ms) && new Date(ms).toISOString().slice(0, 10) === text
      return isDay ? (ms / dayMs).toString(36) : undefined
    },
    (field) => new Date(whole(field) * dayMs).toISOString().slice(0, 10),
  ),
)

const eui = /^[0-9A-F]{2}(?:-[0-9A-F]{2}){7}$/

/** An EUI-64 without its dashes. The index finds EUI-64s of this form. */
export const euiField = remembering(
  shortened(
    (text) => (eui.test(text) ? text.replaceAll('-', '') : undefined),
    (field) => field.replace(/..(?!$)/g, '$&-'),
  ),
)

/** Bytes in lower-case hexadecimal, as base64url. */
export const hexField = shortened(
  (text) => (/^(?:[0-9a-f]{2})+$/.test(text) ? Buffer.from(text, 'hex').toString('base64url') : undefined),
  (field) => Buffer.from(field, 'base64url').toString('hex'),
)

/** A flag that is present only when it is true. */
export const trueField: FieldCodec<true> = { write: () => '1', read: () => true }

export const booleanField: FieldCodec<boolean> = {
  write: (value) => (value ? '1' : '0'),
  read: (field) => field === '1',
}

/** An object, its fields in this order as `a;b;c`; those at the end that are absent are left out. */
export function rowField<Row extends object>(fields: FieldCodecs<Row>): FieldCodec<Row> {
  const entries = entriesOf(fields)
  return {
    write: (row) => writeFields(row, entries, ';') || emptyText,
    read(field) {
      const row = readFields(field === emptyText ? [] : field.split(';'), entries)
      return row as Row
    },
  }
}

/** A list of such objects, `a;b,c;d`. */
export function listField<Row>(of: FieldCodec<Row>): FieldCodec<Row[]> {
  return {
    write: (rows) => (rows.length === 0 ? emptyList : rows.map(of.write).join(',')),
    read: (field) => (field === emptyList ? [] : field.split(',').map(of.read)),
  }
}

/** A codec for each field of an object. Their order is the order on the line; new ones are added at the end. */
export type FieldCodecs<Row> = { [Name in keyof Row]-?: FieldCodec<Exclude<Row[Name], undefined>> }

export type FieldEntries = readonly [string, FieldCodec<unknown>][]

export function entriesOf<Row>(fields: FieldCodecs<Row>): FieldEntries {
  return Object.entries(fields) as [string, FieldCodec<unknown>][]
}

export function writeFields(row: object, entries: FieldEntries, separator: string): string {
  const values = row as { [name: string]: unknown }
  const fields = entries.map(([name, codec]) => (values[name] === undefined ? '' : codec.write(values[name])))
  while (fields.at(-1) === '') fields.pop()
  return fields.join(separator)
}

/** Fields that are absent are not set. Ones that this version does not know are ignored. `from`: the index of the first. */
export function readFields(fields: readonly string[], entries: FieldEntries, from = 0): { [name: string]: unknown } {
  const row: { [name: string]: unknown } = {}
  let at = from
  for (const [name, codec] of entries) {
    if (at >= fields.length) break
    const field = fields[at]
    if (field !== undefined && field !== '') row[name] = codec.read(field)
    at += 1
  }
  return row
}
