// The JSON Schema of config.json, from the settings and the tables of codes.

import { alertCodes } from '../catalogue/alert-code.ts'
import { faultCodes } from '../catalogue/response-code.ts'
import { dcoSchema } from '../dco/dco-settings.ts'
import { type JsonSchema, objectSchema } from '../state/json-schema.ts'
import { securityEventNames } from '../state/security-event.ts'
import { wanSchema } from '../wan/wan-settings.ts'
import { settings } from './settings.ts'

const draft = 'http://json-schema.org/draft-07/schema#'

function numbers(minimum: number, maximum: number): JsonSchema {
  return { type: 'integer', minimum, maximum }
}

function byName(schema: JsonSchema): JsonSchema {
  return { type: 'object', additionalProperties: schema }
}

function codesOf(names: readonly string[], pattern: string): JsonSchema {
  return objectSchema(Object.fromEntries(names.map((name) => [name, { type: 'string', pattern }])))
}

const minutes: JsonSchema = { type: 'array', items: numbers(1, 1440), minItems: 1, maxItems: 100 }
const window: JsonSchema = { type: 'string', pattern: '^((6|8|12|13|24)h|[0-9]{2}:[0-9]{2}-[0-9]{2}:[0-9]{2})$' }
const target = numbers(1, 172_800)

const schedule = objectSchema({
  seed: numbers(0, 0xffff_ffff),
  startTimes: { enum: ['exact', 'window'] },
  windows: byName(window),
  settlementWindow: { enum: ['scheduled', 'all'] },
  underWayMax: numbers(1, 100_000),
  catchUpHours: numbers(0, 24),
  retryMinutes: minutes,
  retries: byName(minutes),
  cohortRates: byName(numbers(0, 60_000)),
  lineRate: numbers(0, 60_000),
  deleteCode: { enum: ['I99', 'I0'] },
})

/** Schema of config.json. Descriptions say what readConfig expects. */
export function configSchema(): JsonSchema {
  const simple = settings
    .filter(({ name }) => name !== 'keysBoxed')
    .map(({ name, schema, expected }) => [name, { ...schema, description: expected }])
  return {
    $schema: draft,
    title: 'config.json of smets1',
    ...objectSchema({
      $schema: {},
      ...Object.fromEntries(simple),
      keys: objectSchema({ boxed: { type: 'string', minLength: 1 } }),
      codes: codesOf(Object.keys(faultCodes), '^[IEW][0-9]{1,6}$'),
      alertCodes: codesOf(Object.keys(alertCodes), '^(AD1|N[0-9]{1,3})$'),
      targetResponseTimes: byName(objectSchema({ onDemand: target, scheduled: target, settlement: target })),
      schedule,
      securityThresholds: objectSchema(Object.fromEntries(securityEventNames.map((event) => [event, numbers(1, 1e9)]))),
      wan: wanSchema,
      dco: dcoSchema,
      outbox: objectSchema({
        hours: numbers(1, 8784),
        responses: numbers(1, 10_000_000),
        mb: numbers(1, 1_000_000),
      }),
    }),
  }
}
