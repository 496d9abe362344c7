// Settings of the bridge: defaults < config file < environment < flags.

import { existsSync } from 'node:fs'
import { type AccessPolicy, defaultAccessPolicy } from '../access/access-control.ts'
import { checkRegistry, type Registry } from '../access/parties.ts'
import { type ChangeOfAgentRead, changeOfAgentReads } from '../access/targets.ts'
import {
  type CacheDeletion,
  type CachePolicy,
  type CacheTopUp,
  cacheDeletions,
  cachePolicies,
  cacheTopUps,
} from '../cache/policy.ts'
import { type AlertCodes, alertCodesWith } from '../catalogue/alert-code.ts'
import { type WindowEnds, windowEnds } from '../catalogue/read-window.ts'
import { type FaultCodes, faultCodesWith } from '../catalogue/response-code.ts'
import { readTargetTimes, type TargetTimes } from '../catalogue/target-times.ts'
import { readScheduleSettings, type ScheduleSettings } from '../schedule/settings.ts'
import { ConfigurationError } from '../state/errors.ts'
import { readJson } from '../state/state-directory.ts'
import type { SetClock } from '../wan/meter-clock.ts'
import { portForms, portProblem } from '../wan/port-url.ts'
import { checkEnvironment } from './environment.ts'

export interface BridgeConfig {
  /** Where DUIS is served. Loopback by default. */
  httpHost: string
  httpPort: number
  /** The line of every device that names none, and its baud rate. */
  lineUrl: string | undefined
  baud: number
  /** How often a RequestID may count: in a window of 1,024 below the highest, or strictly increasing. */
  counters: 'window' | 'strict'
  /** What the S1SP's cache keeps of a read (cache/policy.ts names the text each comes from). */
  cachePolicy: CachePolicy
  /** Whether a read of the meter also fetches what the cache lacks of the period that it keeps. */
  cacheTopUp: CacheTopUp
  cacheDeletion: CacheDeletion
  /** Whether a read window includes its start (catalogue/read-window.ts). */
  readWindow: WindowEnds
  /** Who may have the daily read at which a registration changes (access/targets.ts). */
  changeOfAgentRead: ChangeOfAgentRead
  /** When a meter's clock is set by this machine's. */
  setClock: SetClock
  /** Whether a clock may be set by more than a day ahead. */
  confirmClock: boolean
  /** A directory with the User's own copy of the DUIS and MMC schemas; every message is checked when it is given. */
  schema: string | undefined
  /** The DCC's signing tool (a jar of the user's): its certificates are trusted, its DSP key signs. `keys.boxed` in the file. */
  keysBoxed: string | undefined
  /** Whether a refusal may be explained to the caller (header smets1-explain). */
  explain: boolean
  /** Files in PEM with which DUIS is served over TLS: certificate, its key, and the authority of Users' certificates. */
  tlsCertificate: string | undefined
  tlsKey: string | undefined
  tlsClientCa: string | undefined
  /** Where metrics and health are served: nowhere unless a port is configured; on loopback by default. */
  metricsHost: string
  metricsPort: number | undefined
  /** For how many days records of the audit trail are kept at least; for ever when absent. */
  auditRetentionDays: number | undefined
  /** `json`: events as JSON lines on standard error. `plain`: in a file of the state directory, with words for people. */
  log: 'plain' | 'json'
  /** Response codes by fault. */
  codes: FaultCodes
  /** DCC alert codes by cause. */
  alertCodes: AlertCodes
  /** Target Response Times that differ from table 3 (catalogue/target-times.ts). */
  targetResponseTimes: TargetTimes
  schedule: ScheduleSettings
}

type Given = { [name: string]: unknown }

interface Setting {
  /** Name in the file and of the flag (kebab-case there), and of the environment variable. */
  name: Exclude<keyof BridgeConfig, 'codes' | 'alertCodes' | 'targetResponseTimes' | 'schedule'>
  env: string
  /** Reads what was given; undefined when it is wrong. */
  read(value: unknown): unknown
  expected: string
}

const text = (value: unknown) => (typeof value === 'string' && value !== '' ? value : undefined)
const whole = (from: number, to: number) => (value: unknown) => {
  const number = typeof value === 'string' && /^\d+$/.test(value) ? Number(value) : value
  return typeof number === 'number' && Number.isInteger(number) && number >= from && number <= to ? number : undefined
}
const flag = (value: unknown) =>
  value === true || value === 'true' || value === '1'
    ? true
    : value === false || value === 'false' || value === '0'
      ? false
      : undefined

/** The settings with one value each, in the order of the documents. */
export const settings: readonly Setting[] = [
  { name: 'httpHost', env: 'SMETS1_HTTP_HOST', read: text, expected: 'an address to listen on, such as 127.0.0.1' },
  { name: 'httpPort', env: 'SMETS1_HTTP_PORT', read: whole(0, 65535), expected: 'a port from 0 to 65535' },
  {
    name: 'lineUrl',
    env: 'SMETS1_PORT',
    read: (value) => (typeof value === 'string' && portProblem(value) === undefined ? value : undefined),
    expected: `a port like ${portForms}`,
  },
  { name: 'baud', env: 'SMETS1_BAUD', read: whole(50, 4000000), expected: 'bits a second from 50 to 4000000' },
  {
    name: 'counters',
    env: 'SMETS1_COUNTERS',
    read: (value) => (value === 'window' || value === 'strict' ? value : undefined),
    expected: 'window or strict',
  },
  {
    name: 'cachePolicy',
    env: 'SMETS1_CACHE_POLICY',
    read: (value) => (typeof value === 'string' && Object.hasOwn(cachePolicies, value) ? value : undefined),
    expected: Object.keys(cachePolicies).join(', '),
  },
  {
    name: 'cacheTopUp',
    env: 'SMETS1_CACHE_TOP_UP',
    read: (value) => (typeof value === 'string' && Object.hasOwn(cacheTopUps, value) ? value : undefined),
    expected: Object.keys(cacheTopUps).join(' or '),
  },
  {
    name: 'cacheDeletion',
    env: 'SMETS1_CACHE_DELETION',
    read: (value) => (typeof value === 'string' && Object.hasOwn(cacheDeletions, value) ? value : undefined),
    expected: Object.keys(cacheDeletions).join(' or '),
  },
  {
    name: 'readWindow',
    env: 'SMETS1_READ_WINDOW',
    read: (value) => windowEnds.find((one) => one === value),
    expected: windowEnds.join(' or '),
  },
  {
    name: 'changeOfAgentRead',
    env: 'SMETS1_CHANGE_OF_AGENT_READ',
    read: (value) => changeOfAgentReads.find((one) => one === value),
    expected: changeOfAgentReads.join(', '),
  },
  {
    name: 'setClock',
    env: 'SMETS1_SET_CLOCK',
    read: (value) => (value === 'off' || value === 'lost' ? value : whole(2, 86400)(value)),
    expected: 'off, lost, or from how many seconds on (2 to 86400)',
  },
  { name: 'confirmClock', env: 'SMETS1_CONFIRM_CLOCK', read: flag, expected: 'true or false' },
  { name: 'schema', env: 'SMETS1_SCHEMA', read: text, expected: 'a directory with the DUIS and MMC schemas' },
  {
    name: 'keysBoxed',
    env: 'SMETS1_KEYS_BOXED',
    read: text,
    expected: "the path of the DCC's signing tool (tool.jar)",
  },
  {
    name: 'tlsCertificate',
    env: 'SMETS1_TLS_CERTIFICATE',
    read: text,
    expected: 'the path of the TLS certificate of the DUIS endpoint',
  },
  { name: 'tlsKey', env: 'SMETS1_TLS_KEY', read: text, expected: 'the path of the key of tlsCertificate' },
  {
    name: 'tlsClientCa',
    env: 'SMETS1_TLS_CLIENT_CA',
    read: text,
    expected: "the path of the authority of Users' TLS certificates",
  },
  { name: 'explain', env: 'SMETS1_EXPLAIN', read: flag, expected: 'true or false' },
  {
    name: 'log',
    env: 'SMETS1_LOG',
    read: (value) => (value === 'plain' || value === 'json' ? value : undefined),
    expected: 'plain or json',
  },
  {
    name: 'auditRetentionDays',
    env: 'SMETS1_AUDIT_RETENTION_DAYS',
    read: whole(1, 36500),
    expected: 'days from 1 to 36500',
  },
  { name: 'metricsHost', env: 'SMETS1_METRICS_HOST', read: text, expected: 'an address to listen on' },
  { name: 'metricsPort', env: 'SMETS1_METRICS_PORT', read: whole(0, 65535), expected: 'a port from 0 to 65535' },
]

/** Settings of earlier versions, their environment variables, and what a user does now. */
const removedSettings: { [name: string]: { env: string; instead: string } } = {
  workers: {
    env: 'SMETS1_WORKERS',
    instead: 'was removed in 0.2.0: one process does all the work. Leave it out',
  },
}

export const settingDefaults = {
  httpHost: '127.0.0.1',
  httpPort: 8079,
  lineUrl: undefined,
  baud: 115200,
  counters: 'window',
  cachePolicy: 'both-days',
  cacheTopUp: 'period',
  cacheDeletion: 'age',
  readWindow: 'closed',
  changeOfAgentRead: 'both',
  setClock: 'lost',
  confirmClock: false,
  schema: undefined,
  keysBoxed: undefined,
  tlsCertificate: undefined,
  tlsKey: undefined,
  tlsClientCa: undefined,
  explain: false,
  log: 'plain',
  metricsHost: '127.0.0.1',
  metricsPort: undefined,
  auditRetentionDays: undefined,
} as const

/**
 * The settings from a config file (if it is there), the environment and flags. Flags use the names above.
 * @throws ConfigurationError naming the place, the setting and what was expected
 */
export function readConfig(path: string, env: { [name: string]: string | undefined }, flags: Given): BridgeConfig {
  const file = existsSync(path) ? readJson(path) : {}
  if (typeof file !== 'object' || file === null || Array.isArray(file)) {
    throw new ConfigurationError(`${path} must hold one JSON object of settings`)
  }
  const config: Given = { ...settingDefaults }
  const take = (setting: Setting, value: unknown, place: string) => {
    if (value === undefined) return
    const read = setting.read(value)
    if (read === undefined) {
      throw new ConfigurationError(
        `${place}: ${setting.name} must be ${setting.expected}, not ${JSON.stringify(value)}`,
      )
    }
    config[setting.name] = read
  }
  const { codes: overrides, alertCodes, targetResponseTimes, schedule, keys = {}, ...given } = file as Given
  for (const [name, { env: variable, instead }] of Object.entries(removedSettings)) {
    if (given[name] !== undefined) throw new ConfigurationError(`${path}: ${name} ${instead}`)
    if (env[variable] !== undefined) throw new ConfigurationError(`${variable} ${instead}`)
  }
  for (const name of Object.keys(given)) {
    if (!settings.some((setting) => setting.name === name && name !== 'keysBoxed')) {
      const names = settings.map((setting) => setting.name).filter((one) => one !== 'keysBoxed')
      const known = [...names, 'keys', 'codes', 'alertCodes', 'targetResponseTimes', 'schedule'].join(', ')
      throw new ConfigurationError(`${path}: there is no setting "${name}"; there are ${known}`)
    }
  }
  if (typeof keys !== 'object' || keys === null || Object.keys(keys).some((name) => name !== 'boxed')) {
    throw new ConfigurationError(`${path}: keys: expected an object with "boxed", the path of the DCC's signing tool`)
  }
  checkEnvironment(
    env,
    settings.map((setting) => setting.env),
  )
  given.keysBoxed = (keys as Given).boxed
  for (const setting of settings) {
    take(setting, given[setting.name], path)
    take(setting, env[setting.env], setting.env)
    take(setting, flags[setting.name], 'flag')
  }
  if ((config.tlsCertificate === undefined) !== (config.tlsKey === undefined))
    throw new ConfigurationError('tlsCertificate and tlsKey go together: give both, or neither')
  if (config.tlsClientCa !== undefined && config.tlsKey === undefined)
    throw new ConfigurationError("tlsClientCa checks Users' certificates in TLS: give tlsCertificate and tlsKey, too")
  const codes = faultCodesWith((overrides ?? {}) as Record<string, string>)
  if (!codes.ok) throw new ConfigurationError(`${path}: codes: ${codes.detail}`)
  const alerts = alertCodesWith(alertCodes)
  if (!alerts.ok) throw new ConfigurationError(`${path}: alertCodes: ${alerts.detail}`)
  const times = readTargetTimes(targetResponseTimes)
  if (!times.ok) throw new ConfigurationError(`${path}: targetResponseTimes: ${times.detail}`)
  const schedules = readScheduleSettings(schedule)
  if (!schedules.ok) throw new ConfigurationError(`${path}: schedule: ${schedules.detail}`)
  const nested = {
    codes: codes.codes,
    alertCodes: alerts.codes,
    targetResponseTimes: times.targets,
    schedule: schedules.settings,
  }
  return { ...(config as unknown as BridgeConfig), ...nested }
}

/** Access control as the settings have it. */
export function accessPolicyOf(config: BridgeConfig): AccessPolicy {
  const { codes, readWindow, changeOfAgentRead } = config
  return { ...defaultAccessPolicy, codes, windowEnds: readWindow, changeOfAgentRead }
}

/** The registry file. @throws ConfigurationError listing every problem */
export function loadRegistry(path: string): Registry {
  const checked = checkRegistry(readJson(path))
  if (checked.ok) return checked.registry
  throw new ConfigurationError(`${path}:\n  ${checked.problems.join('\n  ')}`)
}
