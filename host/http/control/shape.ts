// Shapes of what a control call takes and gives: each a JSON Schema together with its TypeScript type.

import { type JsonSchema, objectSchema, schemaCheck } from '../../state/json-schema.ts'

/** A value of type `Value`, and the schema that says so. */
export interface Shape<Value> {
  schema: JsonSchema
  /** What is wrong with a value, each with its place; empty when it has this shape. */
  problems(value: unknown): string[]
  has(value: unknown): value is Value
}

/** The type of the values of a shape. */
export type ValueOf<One> = One extends Shape<infer Value> ? Value : never

function shape<Value>(schema: JsonSchema): Shape<Value> {
  let check: ReturnType<typeof schemaCheck> | undefined
  // Compiled at first use: a schema takes milliseconds, and most are never asked.
  const problems = (value: unknown) => {
    check ??= schemaCheck(schema)
    return check(value)
  }
  return { schema, problems, has: (value): value is Value => problems(value).length === 0 }
}

/** More keywords of a schema: `description`, `pattern`, `examples`. */
type More = JsonSchema

export const text = (more: More = {}) => shape<string>({ type: 'string', maxLength: 4096, ...more })

export const whole = (minimum: number, maximum: number, more: More = {}) =>
  shape<number>({ type: 'integer', minimum, maximum, ...more })

export const decimal = (minimum: number, maximum: number, more: More = {}) =>
  shape<number>({ type: 'number', minimum, maximum, ...more })

export const flag = (more: More = {}) => shape<boolean>({ type: 'boolean', ...more })

export function oneOf<const Value extends string>(values: readonly Value[], more: More = {}) {
  return shape<Value>({ type: 'string', enum: values, ...more })
}

export function listOf<Value>(item: Shape<Value>, more: More = {}) {
  return shape<Value[]>({ type: 'array', items: item.schema, ...more })
}

/** Any JSON object. */
export const anyObject = (more: More = {}) => shape<{ [name: string]: unknown }>({ type: 'object', ...more })

/** A value of either shape. */
export const either = <A, B>(a: Shape<A>, b: Shape<B>) => shape<A | B>({ anyOf: [a.schema, b.schema] })

type Members = { [name: string]: Shape<unknown> }
type Required<Of extends Members> = { [Name in keyof Of]: ValueOf<Of[Name]> }
type Optional<Of extends Members> = { [Name in keyof Of]?: ValueOf<Of[Name]> }

const schemasOf = (members: Members) =>
  Object.fromEntries(Object.entries(members).map(([name, { schema }]) => [name, schema]))

/** An object with these members and no others. */
export function object<Must extends Members>(required: Must): Shape<Required<Must>>
export function object<Must extends Members, May extends Members>(
  required: Must,
  optional: May,
): Shape<Required<Must> & Optional<May>>
export function object(required: Members, optional: Members = {}): Shape<unknown> {
  return shape(objectSchema({ ...schemasOf(required), ...schemasOf(optional) }, Object.keys(required)))
}

/** Members of an object's schema. */
export function membersOf({ schema }: Pick<Shape<unknown>, 'schema'>): { [name: string]: JsonSchema } {
  const members: { [name: string]: JsonSchema } = {}
  for (const [name, member] of Object.entries(schema.properties ?? {})) members[name] = member
  return members
}

/**
 * A value that was written as text, in an address or on a command line, as the schema has it: `5` as a number, `true` as a flag,
 * JSON as an object. What cannot be read stays text, so that the check of the whole says what is wrong.
 */
export function fromText(written: string, { type }: JsonSchema): unknown {
  if (type === 'string' || type === undefined) return written
  try {
    return JSON.parse(written)
  } catch {
    return written
  }
}

// Shapes that many calls have.

export const instant = text({ format: 'date-time', description: 'an instant in UTC, ISO 8601' })

export const eui = text({
  pattern: '^[0-9A-Fa-f]{2}(-[0-9A-Fa-f]{2}){7}$',
  examples: ['00-DB-12-34-56-78-90-A0'],
})

/** Rows of a long list. */
export const page = {
  limit: whole(1, 1000, { default: 100, description: 'rows at most' }),
  offset: whole(0, 1e9, { default: 0, description: 'rows that are left out before them' }),
}
