// What a stored value must look like. An older version may have written it, so every value is checked when it is read.

/** Returns the value with its type, or undefined when it is not one. */
export type Reader<Row> = (value: unknown) => Row | undefined

/** A field that may be absent. */
export type OptionalField<Value> = { optional: Reader<Value> }

type FieldReaders<Row> = {
  [Name in keyof Row]-?: Record<never, never> extends Pick<Row, Name>
    ? OptionalField<Exclude<Row[Name], undefined>>
    : Reader<Row[Name]>
}

export const readText: Reader<string> = (value) => (typeof value === 'string' ? value : undefined)

export const readNumber: Reader<number> = (value) =>
  typeof value === 'number' && Number.isFinite(value) ? value : undefined

export const readBoolean: Reader<boolean> = (value) => (typeof value === 'boolean' ? value : undefined)

export const readBytes: Reader<Uint8Array> = (value) => (value instanceof Uint8Array ? value : undefined)

export function oneOf<Value extends string>(values: readonly Value[]): Reader<Value> {
  return (value) => values.find((one) => one === value)
}

export function listOf<Item>(readItem: Reader<Item>): Reader<Item[]> {
  return (value) => {
    if (!Array.isArray(value)) return undefined
    const items: Item[] = []
    for (const one of value) {
      const item = readItem(one)
      if (item === undefined) return undefined
      items.push(item)
    }
    return items
  }
}

export function optional<Value>(reader: Reader<Value>): OptionalField<Value> {
  return { optional: reader }
}

/** Reads a record of these fields. Fields that are not named here are ignored and not returned. */
export function record<Row extends object>(fields: FieldReaders<Row>): Reader<Row> {
  const readers = Object.entries(fields) as [string, Reader<unknown> | OptionalField<unknown>][]
  return (value) => {
    if (typeof value !== 'object' || value === null) return undefined
    const row: { [name: string]: unknown } = {}
    for (const [name, reader] of readers) {
      const field: unknown = (value as { [name: string]: unknown })[name]
      if (typeof reader !== 'function' && field === undefined) continue
      const read = typeof reader === 'function' ? reader(field) : reader.optional(field)
      if (read === undefined) return undefined
      row[name] = read
    }
    return row as Row
  }
}
