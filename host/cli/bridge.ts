// smets1 bridge: the S1SP bridge alone, in front of a meter on a line.

import { type BridgeConfig, readConfig } from '../config/config.ts'
import { warnOfTool } from '../pki/open-signing-tool.ts'
import { type BridgeLog, openBridgeLog } from '../runtime/bridge-log.ts'
import { runBridge } from '../runtime/open-bridge.ts'
import { CommandError, exitCode } from '../state/command-error.ts'
import type { StatePaths } from '../state/state-directory.ts'
import { type Command, given, type Io, stateOption, textOption } from './command.ts'

/** Flags that bridge and up share; they are settings of `config.ts`. */
export const bridgeFlags: Command['options'] = [
  ['--http-port <n>', 'port of the DUIS endpoint (8079 unless configured)'],
  [
    '--http-host <address>',
    'address to listen on (127.0.0.1 unless configured); others reach it if it is not loopback',
  ],
  ['--schema <dir>', 'your own copy of the DUIS and MMC schemas; every message is checked against it'],
  ['--keys-boxed <jar>', "your copy of the DCC's signing tool (tool.jar): its Users are trusted, its DSP key signs"],
  ['--log <format>', 'plain, or json: events as JSON lines on standard error instead of in bridge.log'],
  ['--record <file>', 'record the line in both directions as pcapng, for smets1 trace and Wireshark; a new file'],
  ['--metrics-port <n>', 'serve /metrics, /stats, /healthz and /readyz there (nowhere unless given)'],
  ['--metrics-host <address>', 'address for them (127.0.0.1 unless configured)'],
  ['--cache-policy <policy>', 'what of a read the cache keeps: previous-day (unless configured), sliding-24h or off'],
  [
    '--set-clock <when>',
    'set a meter’s clock when it is lost (unless configured), also when it is off by so many seconds, or never (off)',
  ],
  ['--counters <how>', 'window: any order within the 1,024 highest counters; strict: they must increase'],
]

const listening = ['httpPort', 'httpHost', 'metricsPort', 'metricsHost']
const settings = [...listening, 'log', 'schema', 'keysBoxed', 'counters', 'cachePolicy', 'setClock', 'baud', 'explain']

/** Settings given as flags. */
export function bridgeSettings(options: { [name: string]: unknown }): { [name: string]: unknown } {
  return given(options, settings)
}

/** Resolves when the user or the system asks to stop. */
export function askedToStop(signals: NodeJS.Signals[] = ['SIGINT', 'SIGTERM', 'SIGHUP']): Promise<void> {
  return new Promise((resolve) => {
    for (const signal of signals) process.once(signal, () => resolve())
  })
}

/** The log; what becomes of the line is also told to people, who see no log. */
async function tellingLog(paths: StatePaths, config: BridgeConfig, io: Io): Promise<BridgeLog> {
  const logging = await openBridgeLog(paths, config.log)
  if (config.log === 'json') return logging
  let wasLost = false
  return {
    ...logging,
    log(event, fields) {
      logging.log(event, fields)
      if (event === 'line open' && wasLost) io.stderr(`${fields.line} is back\n`)
      if (event === 'line lost' || event === 'line unavailable') {
        wasLost = true
        io.stderr(`${fields.problem}; trying again until it is there\n`)
      }
    },
  }
}

/** Whoever started the bridge as a service, and is told how it is: the board side's business, handed in by `main.ts`. */
export interface Service {
  ready(): void
  alive(nowMs: number): void
  stopping(): void
}

/** How often the bridge shows that it still gets its turns. */
const aliveEveryMs = 1000

/** The command; `serviceOf` reads in the environment what systemd asked for, and says when it cannot be told. */
export const bridgeCommand = (serviceOf: (env: Io['env'], failed: (why: string) => void) => Service): Command => ({
  name: 'bridge',
  summary: 'the S1SP bridge alone: DUIS in front, a meter on a serial line behind',
  options: [
    ['--port <url>', 'the line to the meter: /dev/ttyUSB0, tcp://host:port or unix:///path'],
    ['--baud <n>', 'bits a second on a real serial line (115200 unless configured)'],
    ['--state <dir>', 'the state directory that smets1 up or provision made', '.smets1'],
    ...bridgeFlags,
    [
      '--explain',
      'tell callers that ask (header smets1-explain) why they are refused, and Users why a read failed; for test benches',
    ],
    ['--json', 'say when it is ready as one line of JSON'],
  ],
  examples: ['smets1 bridge --port /dev/ttyUSB0 --baud 9600', 'smets1 bridge --port tcp://127.0.0.1:7000'],
  async run(options, io) {
    const paths = stateOption(options)
    const line = textOption(options, 'port')
    const config = readConfig(paths.config, io.env, { ...bridgeSettings(options), ...(line && { lineUrl: line }) })
    if (config.lineUrl === undefined) throw new CommandError(exitCode.usage, 'name the line to the meter with --port')
    warnOfTool(config, io)
    // A terminal that is closed says SIGHUP, and so does who wants a service to read its files again.
    const isService = process.stdin.isTTY !== true
    const stopping = askedToStop(isService ? ['SIGINT', 'SIGTERM'] : undefined)
    let reload = () => {}
    if (isService) process.on('SIGHUP', () => reload())
    const log = await tellingLog(paths, config, io)
    const running = await runBridge(paths, config, { record: textOption(options, 'record'), log })
    reload = running.reload
    const service = serviceOf(io.env, (why) => io.stderr(`${why}\n`))
    const living = setInterval(() => service.alive(performance.now()), aliveEveryMs)
    service.ready()
    if (options.json === true)
      io.stdout(
        `${JSON.stringify({ ready: true, url: running.url, metricsUrl: running.metricsUrl, port: config.lineUrl })}\n`,
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
