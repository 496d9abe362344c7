// Settings of the bridge: defaults < config file < environment < flags.

import { existsSync } from 'node:fs'
import { type AccessPolicy, defaultAccessPolicy, type ExportRights } from '../access/access-control.ts'
import type { ChangeOfAgentRead } from '../access/targets.ts'
import type { CacheDeletion, CachePolicy, CacheTopUp } from '../cache/policy.ts'
import { type AlertCodes, alertCodesWith } from '../catalogue/alert-code.ts'
import type { WindowEnds } from '../catalogue/read-window.ts'
import { type FaultCodes, faultCodes, faultCodesWith } from '../catalogue/response-code.ts'
import { readTargetTimes, type TargetTimes } from '../catalogue/target-times.ts'
import { type DcoSettings, readDcoSettings } from '../dco/dco-settings.ts'
import { type OutboxLimits, readOutboxLimits } from '../delivery/outbox-limits.ts'
import { readThresholds, type SecurityThresholds } from '../metrics/security-monitor.ts'
import { readScheduleSettings, type ScheduleSettings } from '../schedule/settings.ts'
import { ConfigurationError } from '../state/errors.ts'
import { readJson } from '../state/state-directory.ts'
import type { SetClock } from '../wan/meter-clock.ts'
import { readWanSettings, type WanSettings } from '../wan/wan-settings.ts'
import { checkEnvironment } from './environment.ts'
import { removedSettings, type Setting, settingDefaults, settings } from './settings.ts'

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
  /** Whether an MDR's rights on export follow its own appointment, or that of the meter's import MPAN. */
  exportRights: ExportRights
  /** A registration message that moves more MPANs than this waits for an operator. */
  feedMpansMax: number
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
  /** Port on loopback of the control API; nowhere unless configured. */
  consolePort: number | undefined
  /** Where records of protective monitoring go, and the syslog server that gets them as well. */
  securityLog: 'file' | 'stdout' | 'off'
  syslog: string | undefined
  /** From how many security events a minute on there is an alert. */
  securityThresholds: SecurityThresholds
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
  /** Models of the WAN and of the DCO; undefined when off. */
  wan: WanSettings | undefined
  dco: DcoSettings | undefined
  /** Age limit of responses, and how many a User may leave. */
  outbox: OutboxLimits
}

type Given = { [name: string]: unknown }

function isObject(value: unknown): value is Given {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** The settings that are objects. */
const nestedNames: readonly string[] = [
  'codes',
  'alertCodes',
  'targetResponseTimes',
  'schedule',
  'securityThresholds',
  'outbox',
  'wan',
  'dco',
]

/** @throws ConfigurationError */
function readNested(path: string, file: Given) {
  const { codes: overrides = {}, alertCodes, targetResponseTimes, schedule, securityThresholds, outbox } = file
  if (!isObject(overrides)) {
    throw new ConfigurationError(
      `${path}: codes: expected an object of codes by fault, as in { "replayed": "${faultCodes.replayed}" }`,
    )
  }
  const codes = faultCodesWith(overrides as Record<string, string>)
  if (!codes.ok) throw new ConfigurationError(`${path}: codes: ${codes.detail}`)
  const alerts = alertCodesWith(alertCodes)
  if (!alerts.ok) throw new ConfigurationError(`${path}: alertCodes: ${alerts.detail}`)
  const times = readTargetTimes(targetResponseTimes)
  if (!times.ok) throw new ConfigurationError(`${path}: targetResponseTimes: ${times.detail}`)
  const schedules = readScheduleSettings(schedule)
  if (!schedules.ok) throw new ConfigurationError(`${path}: schedule: ${schedules.detail}`)
  const wan = readWanSettings(file.wan)
  if (!wan.ok) throw new ConfigurationError(`${path}: wan: ${wan.detail}`)
  const dco = readDcoSettings(file.dco)
  if (!dco.ok) throw new ConfigurationError(`${path}: dco: ${dco.detail}`)
  const thresholds = readThresholds(securityThresholds)
  if (!thresholds.ok) throw new ConfigurationError(`${path}: securityThresholds: ${thresholds.detail}`)
  return {
    securityThresholds: thresholds.thresholds,
    codes: codes.codes,
    alertCodes: alerts.codes,
    targetResponseTimes: times.targets,
    schedule: schedules.settings,
    wan: wan.settings,
    dco: dco.settings,
    outbox: readOutboxLimits(outbox, path),
  }
}

/**
 * The settings from a config file (if it is there), the environment and flags. Flags use the names above.
 * @throws ConfigurationError naming the place, the setting and what was expected
 */
export function readConfig(path: string, env: { [name: string]: string | undefined }, flags: Given): BridgeConfig {
  const file = existsSync(path) ? readJson(path) : {}
  if (!isObject(file)) {
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
  const { $schema: _, keys = {}, ...all } = file
  const given: Given = Object.fromEntries(Object.entries(all).filter(([name]) => !nestedNames.includes(name)))
  for (const [name, { env: variable, instead }] of Object.entries(removedSettings)) {
    if (given[name] !== undefined) throw new ConfigurationError(`${path}: ${name} ${instead}`)
    if (env[variable] !== undefined) throw new ConfigurationError(`${variable} ${instead}`)
  }
  for (const name of Object.keys(given)) {
    if (!settings.some((setting) => setting.name === name && name !== 'keysBoxed')) {
      const names = settings.map((setting) => setting.name).filter((one) => one !== 'keysBoxed')
      const known = [...names, 'keys', ...nestedNames].join(', ')
      throw new ConfigurationError(`${path}: there is no setting "${name}"; there are ${known}`)
    }
  }
  if (!isObject(keys) || Object.keys(keys).some((name) => name !== 'boxed')) {
    throw new ConfigurationError(`${path}: keys: expected an object with "boxed", the path of the DCC's signing tool`)
  }
  checkEnvironment(
    env,
    settings.map((setting) => setting.env),
  )
  given.keysBoxed = keys.boxed
  for (const setting of settings) {
    take(setting, given[setting.name], path)
    take(setting, env[setting.env], setting.env)
    take(setting, flags[setting.name], 'flag')
  }
  if ((config.tlsCertificate === undefined) !== (config.tlsKey === undefined))
    throw new ConfigurationError('tlsCertificate and tlsKey go together: give both, or neither')
  if (config.tlsClientCa !== undefined && config.tlsKey === undefined)
    throw new ConfigurationError("tlsClientCa checks Users' certificates in TLS: give tlsCertificate and tlsKey, too")
  return { ...(config as unknown as BridgeConfig), ...readNested(path, all) }
}

/** Access control as the settings have it. */
export function accessPolicyOf(config: BridgeConfig): AccessPolicy {
  const { codes, readWindow, changeOfAgentRead, exportRights } = config
  return { ...defaultAccessPolicy, codes, windowEnds: readWindow, changeOfAgentRead, exportRights }
}
