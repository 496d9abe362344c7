// smets1 bridge: the S1SP bridge alone, in front of a meter on a line.

import { type BridgeConfig, readConfig } from '../config/config.ts'
import { warnOfTool } from '../pki/open-signing-tool.ts'
import { type BridgeLog, openBridgeLog } from '../runtime/bridge-log.ts'
import { holdState } from '../runtime/hold-state.ts'
import { type RunOptions, runBridge } from '../runtime/run-bridge.ts'
import { CommandError, exitCode } from '../state/errors.ts'
import type { StatePaths } from '../state/state-directory.ts'
import { type Command, given, type Io, type OptionTable, portOption, stateOption, textOption } from './command.ts'

/** Flags that bridge and up share; they are settings of `config.ts`. */
export const bridgeFlags: OptionTable = [
  'DUIS endpoint',
  ['--http-port <n>', 'port of the DUIS endpoint (8079 unless configured)'],
  [
    '--http-host <address>',
    'address to listen on (127.0.0.1 unless configured); another address can be reached from other machines',
  ],
  ['--tls-certificate <file>', 'serve DUIS by https with this certificate (PEM); --tls-key goes with it'],
  ['--tls-key <file>', 'its private key (PEM, mode 600)'],
  [
    '--tls-client-ca <file>',
    "accept only clients with a certificate of this authority (PEM), as the DCC's gateway does",
  ],
  ['--schema <dir>', 'your own copy of the DUIS and MMC schemas; every message is checked against it'],
  ['--keys-boxed <jar>', "your copy of the DCC's signing tool (tool.jar): its Users are trusted and its DSP key signs"],
  [
    '--counters <window|strict>',
    'window: a RequestID counter may come in any order within the 1,024 highest; strict: counters must increase (window unless configured)',
  ],
  'Meter reads',
  [
    '--cache-policy <policy>',
    'what the cache keeps: both-days (unless configured; the last complete UTC day and Settlement Day), utc-day, settlement-day, sliding-24h, under-25h, off',
  ],
  [
    '--cache-top-up <period|asked>',
    'a read that wakes the meter also brings what is missing of the kept period, or only what was asked for (period unless configured)',
  ],
  [
    '--cache-deletion <age|purge>',
    'age: each entry 24 to 25 hours after its retrieval; purge: all entries every 25 hours (age unless configured)',
  ],
  [
    '--read-window <closed|half-open>',
    'closed: 00:00 to 00:00 selects 49 half-hours, as in the reference test data; half-open: 48 (closed unless configured)',
  ],
  [
    '--change-of-agent-read <both|incoming|outgoing>',
    'the party that may read the daily read of the midnight at which a registration changes (both unless configured)',
  ],
  [
    '--set-clock <when>',
    'set the clock of a meter that has lost it (lost, unless configured); or also when it is wrong by this many seconds; or never (off)',
  ],
  ['--confirm-clock', 'with --set-clock: set clocks also by more than a day ahead'],
  ['--record <file>', 'record the line in both directions in a new pcapng file, for smets1 trace and Wireshark'],
  'Control API, log and metrics',
  [
    '--console-port <n>',
    'serve the control API on this port of 127.0.0.1 (bridge: off unless configured; up: 8080 or the next free one)',
  ],
  ['--log <plain|json>', 'plain: to bridge.log; json: JSON lines on standard error (plain unless configured)'],
  ['--metrics-port <n>', 'serve /metrics, /stats, /healthz and /readyz on this port (off unless configured)'],
  ['--metrics-host <address>', 'address to serve them on (127.0.0.1 unless configured)'],
]

const listening = ['httpPort', 'httpHost', 'tlsCertificate', 'tlsKey', 'tlsClientCa', 'metricsPort', 'metricsHost']
const reading = [
  'cachePolicy',
  'cacheTopUp',
  'cacheDeletion',
  'readWindow',
  'changeOfAgentRead',
  'setClock',
  'confirmClock',
]
const settings = [...listening, ...reading, 'consolePort', 'log', 'schema', 'keysBoxed', 'counters', 'baud', 'explain']

/** Settings given as flags. */
export function bridgeSettings(options: { [name: string]: unknown }): { [name: string]: unknown } {
  return given(options, settings)
}

function untilStopped(signals: NodeJS.Signals[] = ['SIGINT', 'SIGTERM', 'SIGHUP']): Promise<void> {
  return new Promise((resolve) => {
    for (const signal of signals) process.once(signal, () => resolve())
  })
}

/**
 * Resolves when the user or the system asks to stop. SIGHUP stops a program on a terminal, which was closed; any other, such
 * as a service, reads its files again.
 */
export function watchSignals(reread: () => void): Promise<void> {
  if (process.stdin.isTTY === true) return untilStopped()
  process.on('SIGHUP', reread)
  return untilStopped(['SIGINT', 'SIGTERM'])
}

/** The log. Changes of the line's state are also shown on the terminal. */
async function terminalLog(paths: StatePaths, config: BridgeConfig, io: Io): Promise<BridgeLog> {
  const logging = await openBridgeLog(paths, config.log)
  if (config.log === 'json') return logging
  let wasLost = false
  return {
    ...logging,
    log(event, fields) {
      logging.log(event, fields)
      if (event === 'line open' && wasLost && 'line' in fields) io.stderr(`${fields.line} is back\n`)
      if ((event === 'line lost' || event === 'line unavailable') && 'problem' in fields) {
        wasLost = true
        io.stderr(`${fields.problem}; trying again until it is there\n`)
      }
    },
  }
}

/** The service manager, which is notified of the bridge's state. Passed in by `main.ts`, as hardware/ has it. */
export interface Service {
  ready(): void
  alive(nowMs: number): void
  stopping(): void
}

/** Interval of the watchdog notifications. */
const aliveEveryMs = 1000

/** What the command needs that is not part of the bridge. */
export interface BridgeSides {
  /** Reads the service manager's settings in the environment; `failed` is called when a notification fails. */
  serviceOf(env: Io['env'], failed: (why: string) => void): Service
  /** The models of the WAN and of the DCO, loaded when the settings ask for one. */
  loadModels(): Promise<NonNullable<RunOptions['models']>>
}

export const bridgeCommand = ({ serviceOf, loadModels }: BridgeSides): Command => ({
  name: 'bridge',
  summary: 'run the S1SP bridge: DUIS requests in, a meter on a line',
  options: [
    'Line to the meter',
    ['--port <url>', 'the line: /dev/ttyUSB0, tcp://host:port or unix:///path'],
    ['--baud <n>', 'bits per second on a serial line (115200 unless configured)'],
    ...bridgeFlags,
    'Output and state',
    [
      '--explain',
      'for tests: give the reason for a refusal or a failed read to callers that ask with the header smets1-explain',
    ],
    ['--json', 'print one line of JSON when the bridge is ready'],
    ['--state <dir>', 'the state directory that smets1 up or smets1 provision made', '.smets1'],
  ],
  removed: { workers: 'was removed in 0.2.0: one process does all the work. Leave it out' },
  examples: ['smets1 bridge --port /dev/ttyUSB0 --baud 9600', 'smets1 bridge --port tcp://127.0.0.1:7000'],
  async run(options, io) {
    const paths = stateOption(options)
    const line = portOption(options, 'port')
    const config = readConfig(paths.config, io.env, { ...bridgeSettings(options), ...(line && { lineUrl: line }) })
    if (config.lineUrl === undefined) throw new CommandError(exitCode.usage, 'name the line to the meter with --port')
    warnOfTool(config, io)
    let reread = () => {}
    const stopping = watchSignals(() => reread())
    const hold = holdState(paths)
    const log = await terminalLog(paths, config, io)
    const isModelled = config.wan !== undefined || config.dco !== undefined
    const models = isModelled ? { models: await loadModels() } : {}
    const running = await runBridge(paths, config, { record: textOption(options, 'record'), hold, log, ...models })
    reread = () => {
      log.reopen()
      running.reload()
    }
    const service = serviceOf(io.env, (why) => io.stderr(`${why}\n`))
    const living = setInterval(() => service.alive(performance.now()), aliveEveryMs)
    service.ready()
    if (options.json === true)
      io.stdout(
        `${JSON.stringify({ ready: true, url: running.url, metricsUrl: running.metricsUrl, consoleUrl: running.consoleUrl, port: config.lineUrl })}\n`,
      )
    else if (config.log === 'plain')
      io.stdout(
        `bridge: DUIS on ${running.url}/api/v1/serviceS, meter on ${config.lineUrl}, log in ${paths.log}; Ctrl-C stops it\n`,
      )
    await stopping
    clearInterval(living)
    service.stopping()
    await running.stop()
    return exitCode.ok
  },
})
