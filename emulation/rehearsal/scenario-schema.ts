// The JSON Schema of a scenario file. What one part says about another only scenario-file.ts knows.

import { settlementTimetableNames } from '../../host/catalogue/settlement-timetable.ts'
import { configSchema } from '../../host/config/config-schema.ts'
import { dcoSchema } from '../../host/dco/dco-settings.ts'
import { type JsonSchema, objectSchema } from '../../host/state/json-schema.ts'
import { wanSchema } from '../../host/wan/wan-settings.ts'

/** Most meters and days of a rehearsal. */
export const scenarioLimits = { meters: 1_000_000, days: 400, parties: 50, asks: 100, names: 50 } as const

const share: JsonSchema = {
  description: '0 to 1, or 0% to 100%',
  anyOf: [
    { type: 'number', minimum: 0, maximum: 1 },
    { type: 'string', pattern: '^(100|[0-9]{1,2}(\\.[0-9]+)?)%$' },
  ],
}
const shares: JsonSchema = { type: 'object', additionalProperties: share, maxProperties: scenarioLimits.names }
const duration: JsonSchema = { type: 'string', pattern: '^[0-9]{1,12}(\\.[0-9]{1,3})?(ms|s|m|h|d)$' }
const timeOfDay: JsonSchema = { type: 'string', pattern: '^([01][0-9]|2[0-3]):[0-5][0-9]$' }
const date: JsonSchema = { type: 'string', pattern: '^[0-9]{4}-[0-9]{2}-[0-9]{2}$' }
const name: JsonSchema = { type: 'string', pattern: '^[A-Za-z0-9][A-Za-z0-9._-]{0,39}$' }
const tags: JsonSchema = { type: 'array', items: name, maxItems: 10 }

function whole(minimum: number, maximum: number): JsonSchema {
  return { type: 'integer', minimum, maximum }
}

const cohort = objectSchema(
  {
    share,
    csp: name,
    rate: { ...whole(0, 60_000_000), description: 'sessions a minute of all meters together; 0: no limit' },
  },
  ['share'],
)

const population = objectSchema(
  {
    meters: whole(1, scenarioLimits.meters),
    cohorts: { type: 'object', additionalProperties: cohort, minProperties: 1, maxProperties: scenarioLimits.names },
    export: share,
    consent: objectSchema({ 'half-hourly': share, daily: share, monthly: share, none: share }),
    unreachable: share,
    loads: objectSchema({ household: share, business: share }),
    groups: shares,
  },
  ['meters'],
)

const ask = objectSchema({
  srv: {
    description: '4.1.1, 4.2, 4.6.1, 4.8.1, 4.8.2 or 4.8.3; left out with "set"',
    enum: ['4.1.1', '4.2', 4.2, '4.6.1', '4.8.1', '4.8.2', '4.8.3'],
  },
  set: { enum: ['settlement'], description: 'what settlement needs at each level of consent (requirement 5)' },
  of: tags,
  every: { enum: ['day', 'month', 'once'] },
  as: { enum: ['schedule', 'on-demand', 'future-dated'] },
  onDay: whole(0, scenarioLimits.days),
  at: timeOfDay,
  within: duration,
  period: {
    type: 'string',
    pattern:
      '^(utc-day|settlement-day|[1-9][0-9]{0,2} days|([01][0-9]|2[0-3]):[0-5][0-9]-(([01][0-9]|2[0-3]):[0-5][0-9]|24:00))$',
  },
})

const party = objectSchema(
  {
    name,
    role: { enum: ['supplier', 'MDR', 'network-operator', 'other-user'] },
    userOf: { ...name, description: 'the party whose market participant (MPID) it is another User of' },
    forSettlement: { type: 'boolean' },
    askAgain: objectSchema({ times: whole(0, 10), after: duration }, ['times', 'after']),
    asks: { type: 'array', items: ask, maxItems: scenarioLimits.asks },
  },
  ['name', 'role'],
)

const change = objectSchema({ role: { enum: ['supplier', 'MDR'] }, to: name, on: date, of: tags }, ['role', 'to', 'on'])

const fault = objectSchema(
  {
    kind: { enum: ['unreachable', 'callback'] },
    from: { ...duration, description: 'after the start of the rehearsal' },
    for: duration,
    of: tags,
    share,
    party: name,
    failureBytes: whole(0, 1_000_000),
  },
  ['kind', 'from', 'for'],
)

/** The parts of config.json that a scenario may set. */
function bridgeSchema(): JsonSchema {
  const { properties } = configSchema() as { properties: { [name: string]: JsonSchema } }
  const names = ['cachePolicy', 'cacheTopUp', 'cacheDeletion', 'readWindow', 'changeOfAgentRead', 'schedule']
  return objectSchema(Object.fromEntries(names.map((one) => [one, properties[one] ?? {}])))
}

/** Schema of a scenario file. */
export function scenarioSchema(): JsonSchema {
  return {
    $schema: 'http://json-schema.org/draft-07/schema#',
    title: 'Scenario of smets1 rehearse',
    ...objectSchema(
      {
        $schema: {},
        name,
        summary: { type: 'string', maxLength: 300 },
        start: date,
        days: whole(1, scenarioLimits.days),
        seed: whole(0, 0xffff_ffff),
        population,
        parties: { type: 'array', items: party, minItems: 1, maxItems: scenarioLimits.parties },
        changes: { type: 'array', items: change, maxItems: scenarioLimits.parties },
        scheduled: share,
        bridge: bridgeSchema(),
        faults: { type: 'array', items: fault, maxItems: scenarioLimits.asks },
        wan: { ...wanSchema, description: 'the model of the WAN, as in config.json; limits are for all meters' },
        dco: { ...dcoSchema, description: 'the model of the DCO, as in config.json; limits are for all meters' },
        timetable: { enum: settlementTimetableNames },
        arrivals: {
          type: 'string',
          minLength: 1,
          maxLength: 1000,
          description: 'a CSV file of requests that really arrived, beside this file: time, SRV, User, MPAN, from, to',
        },
      },
      ['population', 'parties'],
    ),
  }
}
