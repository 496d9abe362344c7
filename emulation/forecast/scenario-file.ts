// A scenario of the forecast in a file of the user's: YAML or JSON, with the keys that are the command's flags.

import { parse as parseYaml } from 'yaml'
import type { Range } from './forecast.ts'
import { type ForecastParameters, type ParameterName, parameterFacts, scenarios } from './parameters.ts'
import { parseValue, ValueError } from './values.ts'

/** Largest scenario file, bytes. */
export const scenarioBytesMax = 64 * 1024
/** Most aliases that a YAML file may resolve: more is an attempt to fill the memory. */
const aliasesMax = 100

export interface Scenario {
  name: string
  parameters: ForecastParameters
  ranges: Partial<Record<ParameterName, Range>>
}

const byFlag = new Map(
  (Object.keys(parameterFacts) as ParameterName[]).map((name) => [parameterFacts[name].flag, name] as const),
)

function isScenario(name: unknown): name is 'A' | 'B' | 'C' {
  return name === 'A' || name === 'B' || name === 'C'
}

/** Takes the values of `given` (flag: text) over those of a scenario. @throws ValueError */
export function withValues(base: Scenario, given: { readonly [flag: string]: string }): Scenario {
  const parameters: Record<string, number | undefined> = { ...base.parameters }
  const ranges = { ...base.ranges }
  for (const [flag, text] of Object.entries(given)) {
    const name = byFlag.get(flag)
    if (name === undefined) throw new ValueError(`"${flag}" is no parameter; they are ${[...byFlag.keys()].join(', ')}`)
    const range = parseValue(name, text)
    parameters[name] = range.low
    if (range.low === range.high) delete ranges[name]
    else ranges[name] = range
  }
  return { ...base, parameters: parameters as unknown as ForecastParameters, ranges }
}

/**
 * Reads a scenario: `scenario` (A, B or C, the base; C when it is left out), `name`, and any parameter by its flag.
 * @throws ValueError that says what is wrong
 */
export function readScenario(text: string, path: string): Scenario {
  if (text.length > scenarioBytesMax) throw new ValueError(`${path} is larger than ${scenarioBytesMax} bytes`)
  let value: unknown
  try {
    value = parseYaml(text, { maxAliasCount: aliasesMax })
  } catch (error) {
    throw new ValueError(`${path} is neither YAML nor JSON: ${(error as Error).message.split('\n')[0]}`)
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw new ValueError(`${path} holds no parameters: it is a map such as "scenario: B" and "window: 8h"`)
  const { scenario = 'C', name = path, ...rest } = value as { [key: string]: unknown }
  if (!isScenario(scenario)) throw new ValueError(`${path}: "scenario" is A, B or C`)
  const given: { [flag: string]: string } = {}
  for (const [flag, one] of Object.entries(rest)) {
    if (typeof one !== 'string' && typeof one !== 'number')
      throw new ValueError(`${path}: "${flag}" is a number or text`)
    given[flag] = String(one)
  }
  try {
    return withValues({ name: String(name), parameters: scenarios[scenario], ranges: {} }, given)
  } catch (error) {
    throw error instanceof ValueError ? new ValueError(`${path}: ${error.message}`) : error
  }
}

const unitCostNames = ['attempts', 'wanBytesPerRead', 'smsPerRead', 'dcoCallsPerRead', 'dcoSeconds'] as const

/**
 * The unit costs that a rehearsal measured (`unitCosts` of its `--json` report), to take the place of the assumed ones.
 * @throws ValueError
 */
export function readUnitCosts(text: string, path: string): Partial<ForecastParameters> {
  let report: unknown
  try {
    report = JSON.parse(text)
  } catch {
    throw new ValueError(`${path} is no JSON: it is the report of smets1 rehearse --json`)
  }
  const costs = (report as { unitCosts?: unknown } | null)?.unitCosts
  if (typeof costs !== 'object' || costs === null) throw new ValueError(`${path} has no "unitCosts"`)
  const found: Partial<ForecastParameters> = {}
  for (const name of unitCostNames) {
    const value = (costs as { [name: string]: unknown })[name]
    if (value === undefined) continue
    if (typeof value !== 'number') throw new ValueError(`${path}: unitCosts.${name} is no number`)
    found[name] = parseValue(name, String(value)).low
  }
  if (Object.keys(found).length === 0)
    throw new ValueError(`${path}: "unitCosts" has none of ${unitCostNames.join(', ')}`)
  return found
}
