// JSON Schemas (draft 7) of the files that a user writes, and checks against them.

import { Ajv } from 'ajv'

/** A JSON Schema, or a part of one. */
export type JsonSchema = { readonly [keyword: string]: unknown }

/** An object that has no other members than these. */
export function objectSchema(properties: { [name: string]: JsonSchema }, required: readonly string[] = []): JsonSchema {
  return { type: 'object', properties, additionalProperties: false, ...(required.length > 0 ? { required } : {}) }
}

/** Finds what in a document a schema does not allow, each with its place (`/users/0/roles`). At most `most` problems. */
export function schemaCheck(schema: JsonSchema, most = 100): (document: unknown) => string[] {
  // Instants are read by whoever uses them.
  const validate = new Ajv({ allErrors: true, strict: false, formats: { 'date-time': true } }).compile(schema)
  return (document) => {
    if (validate(document)) return []
    return (validate.errors ?? []).slice(0, most).map(({ instancePath, message, params }) => {
      const name = params.additionalProperty === undefined ? '' : `: ${params.additionalProperty}`
      return `${instancePath || '/'} ${message ?? 'is wrong'}${name}`
    })
  }
}
