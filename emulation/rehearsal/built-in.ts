// The scenarios that come with the product. Each is a scenario file in the form of a value.

import { nightScenarios } from './built-in-nights.ts'
import { riskScenarios } from './built-in-risks.ts'
import type { ScenarioText } from './scenario-text.ts'
import { tableFive } from './table-five.ts'

/** By name, in the order of the help. */
export const builtInScenarios: { readonly [name: string]: ScenarioText } = {
  'table-5-a': tableFive('A'),
  'table-5-b': tableFive('B'),
  'table-5-c': tableFive('C'),
  ...nightScenarios,
  ...riskScenarios,
}
