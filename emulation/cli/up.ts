// smets1 up: a bench in one go. A meter with a log, the bridge in front of it, one read as the supplier and one as the MDR.

import { existsSync } from 'node:fs'
import { join } from 'node:path'
import type { StampConvention } from '../../host/catalogue/read-window.ts'
import { bridgeFlags, bridgeSettings, watchSignals } from '../../host/cli/bridge.ts'
import {
  type Command,
  type Flag,
  given,
  type Io,
  type Options,
  type OptionTable,
  textOption,
  wholeOption,
} from '../../host/cli/command.ts'
import { settingsName } from '../../host/cli/provision-meters.ts'
import { testDevice } from '../../host/cli/test-registry.ts'
import { programAsTyped } from '../../host/cli/typed.ts'
import { type BridgeConfig, readConfig } from '../../host/config/config.ts'
import { controlPort } from '../../host/http/control/port.ts'
import { signingToolOf, warnOfTool } from '../../host/pki/open-signing-tool.ts'
import { loadTrust } from '../../host/pki/test-pki.ts'
import type { CompletedRequest } from '../../host/requests/accepted-request.ts'
import { type BridgeLog, openBridgeLog } from '../../host/runtime/bridge-log.ts'
import { holdState, newState } from '../../host/runtime/hold-state.ts'
import type { Lock } from '../../host/runtime/lock-file.ts'
import { changeDevice } from '../../host/runtime/registry-file.ts'
import { type RunningBridge, runBridge } from '../../host/runtime/run-bridge.ts'
import { loadRegistry } from '../../host/runtime/state-registry.ts'
import { CommandError, exitCode } from '../../host/state/errors.ts'
import { type StatePaths, stateOf, statePaths } from '../../host/state/state-directory.ts'
import { dayMs, stampOfHalfHour } from '../../protocol/half-hour.ts'
import type { ClockState } from '../bench-api.ts'
import { createModels } from '../models.ts'
import { controlledBench } from './controlled-bench.ts'
import { type Bench, demonstrate } from './first-reads.ts'
import { type MeterProcess, meterArguments, optionName, startMeter } from './meter-process.ts'
import { fillBench, type ProvisionFlash } from './new-bench.ts'
import { clockFlags, datePki, sayClock, virtualBench, virtualStart } from './up-clock.ts'
import type { VirtualBench } from './virtual-time.ts'

/** What the meter says is plain text; where everything else is JSON, it becomes a line of that. */
function meterIo(io: Io, format: BridgeConfig['log'], { log }: BridgeLog): Io {
  if (format === 'plain') return io
  const say = (text: string) => {
    for (const line of text.split('\n')) if (line.trim() !== '') log('meter', { text: line })
  }
  return { ...io, isTerminal: false, stderr: say }
}

function sayNext(bench: Bench, io: Io, url: string, keysBoxed: string | undefined): void {
  const run = programAsTyped(io.env)
  const state = bench.paths.root === join(process.cwd(), '.smets1') ? '' : ` --state ${bench.paths.root}`
  const date = (days: number) => new Date((Math.floor(bench.nowMs() / dayMs) + days) * dayMs).toISOString().slice(0, 10)
  const where = url === 'http://127.0.0.1:8079' ? '' : ` --url ${url}`
  const tool = keysBoxed === undefined ? '' : ` --keys-boxed ${keysBoxed}`
  const lines = [
    `${run} read 4.8.1 --as mdr --from ${date(-7)} --to ${date(0)}${where}${state}${tool}`,
    `${run} read 4.1.1 --as supplier${where}${state}${tool}`,
    `${run} read 4.6.1 --as mdr --from ${date(-14)} --to ${date(0)}${where}${state}${tool}`,
    `${run} read 4.8.1 --as supplier --format xml${where}${state}${tool}`,
    `${run} read 4.8.1 --as other-user --from ${date(-30)} --to ${date(0)} --format csv${where}${state}${tool}`,
  ]
  io.stdout(
    `\nNext, in another terminal (DUIS on ${url}/api/v1/serviceS):\n${lines.map((line) => `  ${line}\n`).join('')}`,
  )
}

/** One line of JSON: the bench is ready. */
function printReady(
  {
    bench,
    meter,
    agree,
    clock,
  }: { bench: Bench; meter: MeterProcess; agree: boolean | undefined; clock: ClockState | undefined },
  out: Io,
): void {
  const { url, metricsUrl, consoleUrl } = bench.running
  const { root } = bench.paths
  const { eui } = testDevice
  out.stdout(
    `${JSON.stringify({ ready: true, url, metricsUrl, consoleUrl, state: root, meter: { eui, pid: meter.pid }, agree, clock })}\n`,
  )
}

interface LiveParts {
  options: Options
  /** For data. */
  out: Io
  /** For what is said to people. */
  io: Io
  paths: StatePaths
  meter: MeterProcess
  stopping: Promise<void>
  hold: Lock
  log: BridgeLog
  virtual: VirtualBench | undefined
  /** Called when the bridge runs. */
  started(running: RunningBridge): void
}

async function live({
  options,
  out,
  io,
  paths,
  meter,
  stopping,
  hold,
  log,
  virtual,
  started,
}: LiveParts): Promise<number> {
  const answers = new Map<string, CompletedRequest>()
  const config = {
    ...readConfig(paths.config, io.env, { explain: true, ...bridgeSettings(options) }),
    lineUrl: meter.url,
  }
  let shown = false
  const take = (answered: CompletedRequest) => {
    if (!shown) answers.set(answered.id, answered)
  }
  const record = textOption(options, 'record')
  // Two reads alone need no control.
  const withConsole = options.once !== true && options.console !== false
  const console = withConsole ? { consolePort: controlPort.first } : {}
  const hooks = { models: createModels, ...controlledBench(paths, config.lineUrl, meter) }
  const clock = virtual && { clock: virtual.machine, controlParts: { clock: virtual.moved } }
  const running = await runBridge(paths, config, { completed: take, hold, log, record, ...hooks, ...console, ...clock })
  started(running)
  virtual?.started(running, (error) => log.log('fault', { problem: (error as Error).stack }))
  const moved = virtual?.moved
  try {
    const trust = loadTrust(paths.pki, [], await signingToolOf(config))
    const nowMs = virtual?.clock.nowMs ?? Date.now
    const bench: Bench = { paths, registry: loadRegistry(paths), trust, running, answers, nowMs }
    io.stdout(
      `meter ${testDevice.eui}: ${virtual ? 'in this process' : `process ${meter.pid}`}, log up to ${new Date(stampOfHalfHour(meter.lastHalfHour)).toISOString().slice(0, 16)}Z\n` +
        `bridge: ${running.url}, log in ${paths.log}\n` +
        (running.metricsUrl === undefined ? '' : `metrics: ${running.metricsUrl}/metrics\n`) +
        (running.consoleUrl === undefined ? '' : `control: ${running.consoleUrl}, tokens in ${paths.control}\n`),
    )
    // Other programs that wait for the line of JSON want the bench, not the reads.
    const agree = options.json === true && options.once !== true ? undefined : await demonstrate(bench, io, options)
    shown = true
    if (moved !== undefined) sayClock(moved, options, io)
    if (options.json === true) printReady({ bench, meter, agree, clock: moved?.state() }, out)
    if (options.once === true) return agree ? exitCode.ok : exitCode.failed
    sayNext(bench, io, running.url, textOption(options, 'keysBoxed'))
    io.stdout('Ctrl-C stops meter and bridge.\n')
    const gone = await Promise.race([stopping, meter.ended])
    if (gone !== undefined)
      throw new CommandError(
        exitCode.failed,
        `the meter ended by itself, with exit code ${gone}; start again, its log goes on where it was`,
      )
    io.stdout('\nstopping\n')
    return exitCode.ok
  } finally {
    await (virtual === undefined ? running.stop() : virtual.end(running.stop()))
  }
}

/** What `up` needs of the board side. */
export interface BoardSide {
  provisionFlash: ProvisionFlash
  /** What the meter's stamps are; undefined when the options do not say. */
  stampsOf(options: Options): StampConvention | undefined
  /** Flags of `smets1 meter` that `up` hands on. */
  meterOptions: OptionTable
  flashKbMin: number
  flashKbFull: number
}

/** @throws CommandError for settings of the meter that are wrong */
function stampsOption(options: Options, { stampsOf }: BoardSide): StampConvention | undefined {
  try {
    return stampsOf(options)
  } catch (error) {
    throw new CommandError(exitCode.usage, (error as Error).message)
  }
}

/** Makes the bench unless it is there. @returns whether it was made */
async function ready(
  options: Options,
  paths: StatePaths,
  { provisionFlash, flashKbMin }: BoardSide,
  virtualMs: number | undefined,
): Promise<boolean> {
  const isNew = stateOf(paths) === 'absent'
  const flashKb = wholeOption(options, 'flashKb', flashKbMin, 16384)
  if (isNew) await newState(paths, (made) => fillBench(made, provisionFlash, { flashKb, virtualMs }))
  else if (flashKb !== undefined) {
    throw new CommandError(exitCode.usage, `${paths.root} has its meter already; --flash-kb is for a new bench`)
  }
  return isNew
}

/** Flags of the meter, but the one of which this command has its own. */
function flagsOfMeter(meterOptions: OptionTable): OptionTable {
  return meterOptions.filter((option) => typeof option === 'string' || !option[0].startsWith('--time-scale'))
}

/** The meter: a process of its own, or on virtual time in this one. @throws CommandError */
async function meterOf(
  virtual: VirtualBench | undefined,
  { paths, flags, options, io }: { paths: StatePaths; flags: readonly Flag[]; options: Options; io: Io },
): Promise<MeterProcess> {
  // A key that was rotated waits there for the meter.
  const settings = join(paths.meters, settingsName(testDevice.eui))
  const hasSettings = existsSync(settings)
  if (virtual === undefined) {
    const more = hasSettings ? [`--settings=${settings}`] : []
    return startMeter(paths.root, paths.flash, [...meterArguments(flags, options), ...more], io)
  }
  const { startVirtualMeter } = await import('./virtual-meter.ts')
  const asked = given(
    options,
    flags.map(optionName).filter((name) => name !== 'timeScale'),
  )
  return startVirtualMeter(virtual, { ...asked, flash: paths.flash, ...(hasSettings && { settings }) }, io)
}

/** The command; the board side is handed in by `main.ts`. */
export function upCommand(boardSide: BoardSide): Command {
  const { meterOptions, flashKbMin, flashKbFull } = boardSide
  const baud: Flag = ['--baud <n>', 'bits per second of the line (115200 unless given)']
  const handedOn = [...meterOptions.filter((option) => typeof option !== 'string'), baud]
  return {
    name: 'up',
    summary: 'start a meter and the bridge on this machine, and read the meter once as a supplier and once as an MDR',
    options: [
      ['--state <dir>', 'directory of keys, logs and the meter; created if missing', '.smets1'],
      ['--once', 'do the two reads and stop; exit code 0 if they agree, 1 if not or if there is nothing to read'],
      ['--json', 'print one line of JSON when the bench is ready; the reads are made with --once only'],
      [
        '--flash-kb <n>',
        `flash of a new meter, at least ${flashKbMin} KB; below ${flashKbFull} KB it keeps less history`,
      ],
      ...clockFlags,
      ...flagsOfMeter(meterOptions),
      baud,
      ...bridgeFlags,
      ['--no-console', 'no control API'],
    ],
    examples: [
      'smets1 up',
      'smets1 up --once --state /tmp/bench',
      'smets1 up --load readings.csv --year-ends',
      'smets1 up --virtual-time --at 2026-07-02T23:50+01:00 --state july',
    ],
    async run(options, out) {
      const io = options.json === true ? { ...out, stdout: out.stderr } : out
      const paths = statePaths(textOption(options, 'state') ?? '.smets1')
      // Wrong settings are said before anything is made.
      const config = readConfig(paths.config, io.env, bridgeSettings(options))
      await signingToolOf(config)
      warnOfTool(config, io)
      const stamps = stampsOption(options, boardSide)
      const virtualMs = await virtualStart(options, paths)
      const isNew = await ready(options, paths, boardSide, virtualMs)
      io.stdout(
        `${paths.root}: ${isNew ? 'new bench, with a test PKI and a provisioned meter' : 'the bench that was there'}\n`,
      )
      // What the meter is told of its half-hours' stamps, the bridge is told too.
      if (stamps !== undefined) changeDevice(paths, testDevice.eui, { stamps })
      let reread = () => {}
      const stopping = watchSignals(() => reread())
      const hold = holdState(paths)
      if (virtualMs !== undefined) datePki(paths, virtualMs, io)
      const virtual = virtualMs === undefined ? undefined : await virtualBench(paths, virtualMs, config.baud)
      const log = await openBridgeLog(paths, config.log, undefined, virtual?.clock.nowMs)
      const talk = meterIo(io, config.log, log)
      const meter = await meterOf(virtual, { paths, flags: handedOn, options, io: talk })
      const started = (running: RunningBridge) => {
        reread = () => {
          log.reopen()
          running.reload()
        }
      }
      try {
        return await live({ options, out, io, paths, meter, stopping, hold, log, virtual, started })
      } finally {
        await meter.stop()
      }
    },
  }
}
