// smets1 collect run: the collector as a process of its own, until it is stopped.

import { randomBytes } from 'node:crypto'
import { mkdirSync } from 'node:fs'
import { setTimeout as wait } from 'node:timers/promises'
import { type CollectionPaths, openCollection } from '../collector/collection-files.ts'
import { type Collector, openCollector } from '../collector/collector.ts'
import { type CollectorEnv, type CollectorEvent, type CollectorSettings, defaultSettings } from '../collector/env.ts'
import { consumptionMessages, missingOfDay } from '../collector/export.ts'
import { applyMessages } from '../collector/inbox.ts'
import type { CollectorStore } from '../collector/kept.ts'
import type { AgentAnswer } from '../collector/messages.ts'
import { type Agreement, readPortfolio } from '../collector/portfolio.ts'
import { createValues } from '../collector/values.ts'
import { readConfig } from '../config/config.ts'
import { closeServer } from '../http/listen.ts'
import { signingToolOf } from '../pki/open-signing-tool.ts'
import { loadIdentity, loadTrust } from '../pki/test-pki.ts'
import { holdDirectory } from '../runtime/hold-state.ts'
import { loadRegistry } from '../runtime/state-registry.ts'
import { parseWindow } from '../schedule/windows.ts'
import { CommandError, exitCode } from '../state/errors.ts'
import { given, type Io, type Options, stateOption, textOption, wholeOption } from './command.ts'
import type { FileReaders } from './import.ts'
import { nowIn } from './now-in.ts'
import { userOption } from './request-options.ts'
import { listenOn, send } from './user-client.ts'

const portfolioBytesMax = 50 * 1024 * 1024
/** How often the collector looks at the clock, ms of real time. */
const tickEveryMs = 1000
const sendTimeoutMs = 20_000

/** The agreements of a file. @throws CommandError with every problem and its line */
export function portfolioOf(path: string, { readCsv, readTextFile }: FileReaders): Agreement[] {
  const wrong = (why: string) => new CommandError(exitCode.usage, why)
  let text: string
  try {
    text = readTextFile(path, portfolioBytesMax)
  } catch (error) {
    throw wrong((error as Error).message)
  }
  const csv = readCsv(text)
  if (!csv.ok) throw wrong(`${path}${csv.line === undefined ? '' : `:${csv.line}`}: ${csv.reason}`)
  const { agreements, problems } = readPortfolio(csv.records)
  if (problems.length > 0) throw wrong(`${path}: nothing was taken\n  ${problems.join('\n  ')}`)
  return agreements
}

function settingsOf(options: Options): CollectorSettings {
  const named = textOption(options, 'window')
  const window = named === undefined ? defaultSettings.window : parseWindow(named)
  if (window === undefined) {
    throw new CommandError(exitCode.usage, `--window is a part of the day, UTC, such as 00:15-06:00, not ${named}`)
  }
  const stamps = textOption(options, 'stamps') ?? 'end'
  if (stamps !== 'end' && stamps !== 'start') throw new CommandError(exitCode.usage, '--stamps is end or start')
  const flagAboveWh = wholeOption(options, 'flagAbove', 1, 1_000_000_000) ?? defaultSettings.flagAboveWh
  return { ...defaultSettings, window, stamps, flagAboveWh }
}

/** One line for a person. */
function eventLine({ event, ...fields }: CollectorEvent, nowMs: number): string {
  const shown = Object.entries(fields).map(([name, value]) => `${name} ${value}`)
  return `${new Date(nowMs).toISOString().slice(0, 19)}Z ${event}: ${shown.join(', ')}\n`
}

/** Applies the messages that wait, as they are answered from what is kept. */
function messagesOf(paths: CollectionPaths, collector: Collector, env: CollectorEnv): () => Promise<void> {
  const values = createValues(env.store, env.sealing)
  const rows = () => [...collector.works()].map(({ row }) => row)
  const parts = {
    inbox: paths.inbox,
    answers: paths.answers,
    agreements: () => rows().map(({ agreement }) => agreement),
    take: collector.take,
    consumption(mpan: string, from: string, to: string) {
      const own = rows().filter(({ agreement }) => agreement.mpan === mpan)
      return own.map((row) => {
        const days = values.daysOf(row, 'utc', env.nowMs()).filter(({ date }) => date >= from && date <= to)
        const missing = days.flatMap((day) => missingOfDay(row.agreement, 'utc', day))
        return { messages: consumptionMessages(row.agreement, days), missing }
      })
    },
    answered: ({ correlationId, interfaceId, outcome }: AgentAnswer) =>
      env.log({ event: 'message applied', correlationId, interfaceId, outcome }),
  }
  return () => applyMessages(parts)
}

/** Ticks until a signal comes. */
async function untilStopped(collector: Collector, messages: () => Promise<void>): Promise<void> {
  const stopped = new AbortController()
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => stopped.abort())
  while (!stopped.signal.aborted) {
    await messages()
    await collector.tick()
    await wait(tickEveryMs, undefined, { signal: stopped.signal }).catch(() => {})
  }
}

export async function runCollector(
  paths: CollectionPaths,
  options: Options,
  readers: FileReaders,
  io: Io,
): Promise<number> {
  const state = stateOption(options)
  const user = userOption({ as: 'mdr', ...options }, loadRegistry(state))
  if (user.callback === undefined) {
    throw new CommandError(
      exitCode.usage,
      `${user.name} has no callback address in the registry: a collector needs one`,
    )
  }
  const settings = settingsOf(options)
  const portfolio = textOption(options, 'portfolio')
  const agreements = portfolio === undefined ? [] : portfolioOf(portfolio, readers)
  const { keysBoxed, httpHost, httpPort } = readConfig(state.config, io.env, given(options, ['keysBoxed']))
  const tool = await signingToolOf({ keysBoxed })
  const url = (textOption(options, 'url') ?? `http://${httpHost}:${httpPort}`).replace(/\/+$/, '')
  const nowMs = () => nowIn(state)
  mkdirSync(paths.root, { recursive: true, mode: 0o700 })
  const lock = holdDirectory(paths.lock, paths.root, 'collector', '--collection')
  let store: CollectorStore | undefined
  try {
    const opened = openCollection(paths, randomBytes)
    store = opened.store
    const env: CollectorEnv = {
      nowMs,
      counterMs: Date.now,
      send: async (service, xml) => (await send(url, xml, sendTimeoutMs, service)).body,
      identity: loadIdentity(state.pki, user.name),
      dspEui: (tool?.dsp ?? loadIdentity(state.pki, 'dsp')).eui,
      trust: loadTrust(state.pki, [], tool),
      store: opened.store,
      sealing: { key: opened.key, randomBytes },
      log: (event) => {
        if (options.json === true) io.stdout(`${JSON.stringify({ at: new Date(nowMs()).toISOString(), ...event })}\n`)
        else io.stderr(eventLine(event, nowMs()))
      },
    }
    const collector = openCollector(env, settings)
    await collector.take(agreements)
    const count = [...collector.works()].length
    if (count === 0)
      io.stderr('the portfolio is empty: --portfolio names a CSV file, smets1 collect send a start message\n')
    const server = await listenOn(user.callback, (body) => collector.receive(body))
    io.stderr(`${user.name} collects ${count} MPANs from ${url}; responses to ${user.callback}; Ctrl-C stops\n`)
    await untilStopped(collector, messagesOf(paths, collector, env))
    closeServer(server)
    return exitCode.ok
  } finally {
    await store?.close()
    lock.release()
  }
}
