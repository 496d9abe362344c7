// What the command line changes in a scenario: --meters, --days and --seed, and the values of --compare.

import { CommandError, exitCode } from '../../host/state/errors.ts'

/** Keys of --compare, and where in a scenario file their values go. */
export const compareKeys: { readonly [key: string]: readonly string[] } = {
  cachePolicy: ['bridge.cachePolicy'],
  cacheTopUp: ['bridge.cacheTopUp'],
  cacheDeletion: ['bridge.cacheDeletion'],
  readWindow: ['bridge.readWindow'],
  window: ['bridge.schedule.windows.default', 'bridge.schedule.windows.MDR'],
  settlementWindow: ['bridge.schedule.settlementWindow'],
  scheduled: ['scheduled'],
  dcoLatency: ['dco.latencyMs'],
  dcoRate: ['dco.callsPerSecond'],
  dcoWorkers: ['dco.workers'],
  smsDelay: ['wan.all.smsDelayMs'],
  contexts: ['wan.all.contexts'],
  export: ['population.export'],
  unreachable: ['population.unreachable'],
  meters: ['population.meters'],
  days: ['days'],
  seed: ['seed'],
}

const valuesMax = 20

/** The key and values of `--compare KEY=v1,v2`. @throws CommandError */
export function parseCompare(text: string): { key: string; values: string[] } {
  const [, key = '', list = ''] = /^([A-Za-z]+)=(.+)$/.exec(text) ?? []
  const values = list.split(',').filter((value) => value !== '')
  if (!Object.hasOwn(compareKeys, key) || values.length < 2 || values.length > valuesMax) {
    const keys = Object.keys(compareKeys).join(', ')
    throw new CommandError(
      exitCode.usage,
      `--compare is KEY=v1,v2,… with 2 to ${valuesMax} values and KEY one of ${keys}, not "${text}"`,
    )
  }
  return { key, values }
}

function isObject(value: unknown): value is { [name: string]: unknown } {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** A scenario file's value with another value at a path of names. What is no scenario is left for its schema to refuse. */
function withValue(value: unknown, path: readonly string[], to: unknown): unknown {
  const [name, ...rest] = path
  if (name === undefined) return to
  if (value !== undefined && !isObject(value)) return value
  return { ...value, [name]: withValue(value?.[name], rest, to) }
}

/** A scenario file's value with another value of one of its members. */
export const withMember = (value: unknown, name: string, to: unknown) => withValue(value, [name], to)

/** A scenario file's value with another value for a key of `compareKeys`. */
export function withKey(value: unknown, key: string, text: string): unknown {
  const to = /^\d+(\.\d+)?$/.test(text) ? Number(text) : text
  return (compareKeys[key] ?? []).reduce((changed, path) => withValue(changed, path.split('.'), to), value)
}
