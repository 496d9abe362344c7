// The settings that have one value each: how each is read, and its default.

import { exportRights } from '../access/access-control.ts'
import { changeOfAgentReads } from '../access/targets.ts'
import { cacheDeletions, cachePolicies, cacheTopUps } from '../cache/policy.ts'
import { windowEnds } from '../catalogue/read-window.ts'
import type { JsonSchema } from '../state/json-schema.ts'
import { portForms, portProblem } from '../wan/port-url.ts'
import { syslogAddress, syslogUrl } from './syslog-address.ts'

export interface Setting {
  /** Name in the file and of the flag (kebab-case there), and of the environment variable. */
  name: keyof typeof settingDefaults
  env: string
  /** Reads what was given; undefined when it is wrong. */
  read(value: unknown): unknown
  /** JSON Schema of the value in the file. It allows all that `read` does. */
  schema: JsonSchema
  expected: string
}

/** How a kind of value is read, and its schema. */
type Kind = Pick<Setting, 'read' | 'schema'>

const text: Kind = {
  read: (value) => (typeof value === 'string' && value !== '' ? value : undefined),
  schema: { type: 'string', minLength: 1 },
}

/** A whole number, also as text. */
function whole(from: number, to: number): Kind {
  return {
    read(value) {
      const number = typeof value === 'string' && /^\d+$/.test(value) ? Number(value) : value
      return typeof number === 'number' && Number.isInteger(number) && number >= from && number <= to
        ? number
        : undefined
    },
    schema: { type: ['integer', 'string'], minimum: from, maximum: to, pattern: '^[0-9]+$' },
  }
}

function oneOf(values: readonly string[]): Kind {
  return { read: (value) => values.find((one) => one === value), schema: { enum: values } }
}

const trueWords: readonly unknown[] = [true, 'true', '1']
const falseWords: readonly unknown[] = [false, 'false', '0']
const flag: Kind = {
  read: (value) => (trueWords.includes(value) ? true : falseWords.includes(value) ? false : undefined),
  schema: { enum: [...trueWords, ...falseWords] },
}

const seconds = whole(2, 86400)

/** The settings with one value each, in the order of the documents. */
export const settings: readonly Setting[] = [
  { name: 'httpHost', env: 'SMETS1_HTTP_HOST', ...text, expected: 'an address to listen on, such as 127.0.0.1' },
  { name: 'httpPort', env: 'SMETS1_HTTP_PORT', ...whole(0, 65535), expected: 'a port from 0 to 65535' },
  {
    name: 'lineUrl',
    env: 'SMETS1_PORT',
    read: (value) => (typeof value === 'string' && portProblem(value) === undefined ? value : undefined),
    schema: text.schema,
    expected: `a port like ${portForms}`,
  },
  { name: 'baud', env: 'SMETS1_BAUD', ...whole(50, 4000000), expected: 'bits a second from 50 to 4000000' },
  {
    name: 'counters',
    env: 'SMETS1_COUNTERS',
    ...oneOf(['window', 'strict']),
    expected: 'window or strict',
  },
  {
    name: 'cachePolicy',
    env: 'SMETS1_CACHE_POLICY',
    ...oneOf(Object.keys(cachePolicies)),
    expected: Object.keys(cachePolicies).join(', '),
  },
  {
    name: 'cacheTopUp',
    env: 'SMETS1_CACHE_TOP_UP',
    ...oneOf(Object.keys(cacheTopUps)),
    expected: Object.keys(cacheTopUps).join(' or '),
  },
  {
    name: 'cacheDeletion',
    env: 'SMETS1_CACHE_DELETION',
    ...oneOf(Object.keys(cacheDeletions)),
    expected: Object.keys(cacheDeletions).join(' or '),
  },
  {
    name: 'readWindow',
    env: 'SMETS1_READ_WINDOW',
    ...oneOf(windowEnds),
    expected: windowEnds.join(' or '),
  },
  {
    name: 'changeOfAgentRead',
    env: 'SMETS1_CHANGE_OF_AGENT_READ',
    ...oneOf(changeOfAgentReads),
    expected: changeOfAgentReads.join(', '),
  },
  {
    name: 'exportRights',
    env: 'SMETS1_EXPORT_RIGHTS',
    ...oneOf(exportRights),
    expected: exportRights.join(' or '),
  },
  {
    name: 'feedMpansMax',
    env: 'SMETS1_FEED_MPANS_MAX',
    ...whole(1, 100_000),
    expected: 'from how many MPANs on a registration message waits for an operator (1 to 100000)',
  },
  {
    name: 'setClock',
    env: 'SMETS1_SET_CLOCK',
    read: (value) => (value === 'off' || value === 'lost' ? value : seconds.read(value)),
    schema: { anyOf: [{ enum: ['off', 'lost'] }, seconds.schema] },
    expected: 'off, lost, or from how many seconds on (2 to 86400)',
  },
  {
    name: 'confirmClock',
    env: 'SMETS1_CONFIRM_CLOCK',
    ...flag,
    expected: 'true or false: set clocks also by more than a day ahead',
  },
  { name: 'schema', env: 'SMETS1_SCHEMA', ...text, expected: 'a directory with the DUIS and MMC schemas' },
  {
    name: 'keysBoxed',
    env: 'SMETS1_KEYS_BOXED',
    ...text,
    expected: "the path of the DCC's signing tool (tool.jar)",
  },
  {
    name: 'tlsCertificate',
    env: 'SMETS1_TLS_CERTIFICATE',
    ...text,
    expected: 'the path of the TLS certificate of the DUIS endpoint',
  },
  { name: 'tlsKey', env: 'SMETS1_TLS_KEY', ...text, expected: 'the path of the key of tlsCertificate' },
  {
    name: 'tlsClientCa',
    env: 'SMETS1_TLS_CLIENT_CA',
    ...text,
    expected: "the path of the authority of Users' TLS certificates",
  },
  { name: 'explain', env: 'SMETS1_EXPLAIN', ...flag, expected: 'true or false' },
  {
    name: 'log',
    env: 'SMETS1_LOG',
    ...oneOf(['plain', 'json']),
    expected: 'plain or json',
  },
  {
    name: 'securityLog',
    env: 'SMETS1_SECURITY_LOG',
    ...oneOf(['file', 'stdout', 'off']),
    expected: 'file, stdout or off',
  },
  {
    name: 'syslog',
    env: 'SMETS1_SYSLOG',
    read: (value) => (typeof value === 'string' && syslogAddress(value) !== undefined ? value : undefined),
    schema: { type: 'string', pattern: syslogUrl.source },
    expected: 'a syslog server as udp://host:514 or tcp://host:601',
  },
  {
    name: 'auditRetentionDays',
    env: 'SMETS1_AUDIT_RETENTION_DAYS',
    ...whole(1, 36500),
    expected: 'days from 1 to 36500',
  },
  { name: 'metricsHost', env: 'SMETS1_METRICS_HOST', ...text, expected: 'an address to listen on' },
  { name: 'consolePort', env: 'SMETS1_CONSOLE_PORT', ...whole(0, 65535), expected: 'a port from 0 to 65535' },
  { name: 'metricsPort', env: 'SMETS1_METRICS_PORT', ...whole(0, 65535), expected: 'a port from 0 to 65535' },
]

/** Settings of earlier versions, their environment variables, and what a user does now. */
export const removedSettings: { [name: string]: { env: string; instead: string } } = {
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
  exportRights: 'own',
  feedMpansMax: 1_000,
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
  consolePort: undefined,
  securityLog: 'file',
  syslog: undefined,
  auditRetentionDays: undefined,
} as const
