// The JSON Schema of registry.json. What one row says about another (one MPAN, one device) only checkRegistry knows.

import { roles } from '../catalogue/role.ts'
import { type JsonSchema, objectSchema } from '../state/json-schema.ts'
import { deviceDetailNames, deviceTypes } from './device-details.ts'
import { conventions } from './meter-conventions.ts'
import { deviceStatuses, registrationRoles, registryLimits } from './parties.ts'
import { userModes } from './user-details.ts'

const eui: JsonSchema = {
  type: 'string',
  description: 'EUI-64, as 90-B3-D5-1F-30-01-00-00',
  pattern: '^[0-9A-Fa-f]{2}([-:]?[0-9A-Fa-f]{2}){7}$',
}
const mpan: JsonSchema = { type: 'string', description: '13 digits with the check digit', pattern: '^[0-9]{13}$' }
const mpid: JsonSchema = { type: 'string', pattern: '^[A-Za-z0-9]{4}$' }
const date: JsonSchema = { type: 'string', pattern: '^[0-9]{4}-[0-9]{2}-[0-9]{2}$' }
const flag: JsonSchema = { enum: [true, false, 'true', 'false'] }

function textOf(maxLength: number): JsonSchema {
  return { type: 'string', minLength: 1, maxLength }
}

/** A whole number, also as text: a cell of a CSV file. */
function wholeOf(minimum: number, maximum: number): JsonSchema {
  return { type: ['integer', 'string'], minimum, maximum, pattern: '^[0-9]{1,9}$' }
}

const user = objectSchema(
  {
    eui,
    name: textOf(100),
    mpid,
    roles: { type: 'array', items: { enum: roles }, minItems: 1 },
    status: { enum: ['active', 'suspended'] },
    callback: { ...textOf(2048), description: 'https, or http to this machine; without it, a mailbox' },
    mode: { enum: userModes },
    forSettlement: flag,
    pushDelayMs: wholeOf(0, 60_000),
    pushTimeoutMs: wholeOf(1_000, 300_000),
    pushesAtOnce: wholeOf(1, 64),
    certificate: { ...textOf(8192), description: 'PEM' },
    allowHttpCallback: flag,
    callbackCa: { type: 'string', description: 'PEM' },
  },
  ['eui', 'name', 'roles', 'status'],
)

const device = objectSchema(
  {
    ...Object.fromEntries(deviceDetailNames.map((name) => [name, textOf(30)])),
    type: { enum: deviceTypes },
    commissioned: date,
    eui,
    importMpan: mpan,
    exportMpan: mpan,
    status: { enum: deviceStatuses },
    line: textOf(200),
    stamps: { enum: conventions.stamps },
    averagePower: { enum: conventions.averagePower },
  },
  ['eui', 'status', 'line'],
)

const registration = objectSchema(
  {
    mpan,
    role: { enum: registrationRoles },
    mpid,
    from: { ...date, description: 'EFD: the first Settlement Day' },
    to: { ...date, description: 'ETD: the last one' },
  },
  ['mpan', 'role', 'mpid', 'from'],
)

/** Schema of registry.json. */
export function registrySchema(): JsonSchema {
  return {
    $schema: 'http://json-schema.org/draft-07/schema#',
    title: 'registry.json of smets1',
    ...objectSchema(
      {
        users: { type: 'array', items: user, maxItems: registryLimits.users },
        devices: { type: 'array', items: device, maxItems: registryLimits.devices },
        registrations: { type: 'array', items: registration, maxItems: registryLimits.registrations },
      },
      ['users', 'devices', 'registrations'],
    ),
  }
}
