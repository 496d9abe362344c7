// The JSON Schemas of config.json and registry.json against the readers of these files.

import { writeFileSync } from 'node:fs'
import fc from 'fast-check'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { checkRegistry } from '../../../host/access/check-registry.ts'
import { registrySchema } from '../../../host/access/registry-schema.ts'
import { readConfig } from '../../../host/config/config.ts'
import { configSchema } from '../../../host/config/config-schema.ts'
import { settings } from '../../../host/config/settings.ts'
import { ConfigurationError } from '../../../host/state/errors.ts'
import { schemaCheck } from '../../../host/state/json-schema.ts'
import { freshPath } from '../../support/bench/cli.ts'

const path = freshPath()
const configProblems = schemaCheck(configSchema())
const registryProblems = schemaCheck(registrySchema())

/** Whether the reader takes a config.json. */
function isConfig(file: unknown): boolean {
  writeFileSync(path, JSON.stringify(file))
  try {
    readConfig(path, {}, {})
    return true
  } catch (error) {
    assert.instance(error, ConfigurationError)
    return false
  }
}

const isRegistry = (file: unknown) => checkRegistry(file).ok

const fullConfig = {
  $schema: 'config.schema.json',
  httpPort: 8079,
  lineUrl: '/dev/ttyUSB0',
  counters: 'strict',
  cachePolicy: 'utc-day',
  setClock: 60,
  explain: true,
  keys: { boxed: 'tool.jar' },
  codes: { replayed: 'E52' },
  alertCodes: { changeOfMdr: 'N7' },
  targetResponseTimes: { '8.2': { onDemand: 16 } },
  schedule: {
    seed: 7,
    windows: { default: '22:00-04:00', 'MDR/cohort:A': '12h' },
    retryMinutes: [1, 5],
    retries: { MDR: [10] },
    cohortRates: { A: 60 },
    settlementWindow: 'all',
    deleteCode: 'I0',
  },
}

const fullRegistry = {
  users: [
    {
      eui: '90-B3-D5-1F-30-01-00-00',
      name: 'supplier',
      mpid: 'SUPA',
      roles: ['IS', 'ES'],
      status: 'active',
      callback: 'http://127.0.0.1:18000/duis',
      mode: 'boxed',
      forSettlement: true,
      pushDelayMs: 10,
      pushesAtOnce: '2',
    },
    { eui: '00-DB-12-34-56-78-00-04', name: 'other-user', roles: ['OU'], status: 'suspended' },
  ],
  devices: [
    {
      eui: '00-DB-12-34-56-78-90-A0',
      importMpan: '1234567890126',
      exportMpan: '2000000000006',
      status: 'Commissioned',
      line: 'default',
      type: 'ESME',
      cohort: 'A',
      commissioned: '2021-03-01',
      postcode: 'AB1 2CD',
      stamps: 'start',
    },
  ],
  registrations: [{ mpan: '1234567890126', role: 'IS', mpid: 'SUPA', from: '2000-01-01', to: '2030-01-01' }],
}

/** Every way to change one value of a document, by its path. */
function pathsOf(value: unknown, path: readonly string[] = []): string[][] {
  if (typeof value !== 'object' || value === null) return [[...path]]
  const inside = Object.entries(value).flatMap(([name, one]) => pathsOf(one, [...path, name]))
  return path.length === 0 ? inside : [[...path], ...inside]
}

/** A copy with another value, or without one, at a path. */
function changed(document: unknown, [name = '', ...rest]: readonly string[], value: unknown): unknown {
  const copy = structuredClone(document) as { [name: string]: unknown }
  if (rest.length > 0) copy[name] = changed(copy[name], rest, value)
  else if (value === undefined) delete copy[name]
  else copy[name] = value
  return copy
}

const values = fc.oneof(
  fc.constant(undefined),
  fc.jsonValue({ maxDepth: 1 }),
  fc.integer({ min: -1, max: 200_000 }),
  fc.constantFrom('8080', 'true', '0', 'I0', 'E4', 'N999', 'end', 'active', 'MDR', '24h', '/dev/ttyS0', '', 'period'),
)

/** A schema never refuses what the reader takes: so an editor shows no error that is none. */
function holds(problemsOf: (file: unknown) => string[], full: unknown, isGood: (file: unknown) => boolean): void {
  assert.ok(isGood(full))
  assert.equal(problemsOf(full), [])
  const check = fc.property(fc.constantFrom(...pathsOf(full)), values, (path, value) => {
    const file = JSON.parse(JSON.stringify(changed(full, path, value)))
    return problemsOf(file).length === 0 || !isGood(file)
  })
  fc.assert(check, { numRuns: 500 })
}

test('what the schema of config.json refuses, the bridge refuses', () => holds(configProblems, fullConfig, isConfig))

test('what the schema of registry.json refuses, the bridge refuses', () => {
  holds(registryProblems, fullRegistry, isRegistry)
})

test('the schemas find unknown names, wrong values and what is missing', () => {
  const wrongConfigs = [
    { htpPort: 1 },
    { httpPort: 65536 },
    { cachePolicy: 'never' },
    { codes: { replayd: 'E52' } },
    { schedule: { windows: { default: 'noon' } } },
    { schedule: { retryMinutes: [] } },
    { keys: { tool: 'x' } },
  ]
  for (const file of wrongConfigs) {
    assert.is(configProblems(file).length > 0, true, JSON.stringify(file))
    assert.not(isConfig(file))
  }
  const wrongs: [string[], unknown][] = [
    [['users', '0', 'eui'], '90B3'],
    [['users', '0', 'roles'], ['XX']],
    [['users', '0', 'nickname'], 'x'],
    [['devices', '0', 'status'], 'new'],
    [['devices', '0', 'line'], undefined],
    [['registrations', '0', 'mpan'], 1234567890126],
    [['devices'], {}],
  ]
  for (const [path, value] of wrongs) {
    const file = changed(fullRegistry, path, value)
    assert.is(registryProblems(file).length > 0, true, path.join('.'))
    assert.not(isRegistry(file))
  }
})

test('every setting has a description in the schema, and its default is allowed', () => {
  const { properties } = configSchema() as { properties: { [name: string]: { description?: string } } }
  for (const { name, expected } of settings)
    if (name !== 'keysBoxed') assert.is(properties[name]?.description, expected, name)
})

test.run()
