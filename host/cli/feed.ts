// smets1 feed: registration messages as the industry sends them.

import { mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { readConfig } from '../config/config.ts'
import { type FeedAnswer, isMessage, messageSchema, type RegistrationMessage } from '../feed/message.ts'
import { simulateFeed } from '../feed/simulate.ts'
import { feedPolicyOf, withFeed } from '../runtime/feed-state.ts'
import { loadRegistry } from '../runtime/state-registry.ts'
import { CommandError, exitCode } from '../state/errors.ts'
import type { StatePaths } from '../state/state-directory.ts'
import { type Command, type Io, type Options, stateOption, textOption, wholeOption } from './command.ts'
import { progressOf } from './progress.ts'

const usage = (why: string) => new CommandError(exitCode.usage, why)
/** Messages that are applied before progress is told. */
const sentAtOnce = 2_000

/** Files of messages, in the order of their names. */
function filesIn(path: string): string[] {
  try {
    if (!statSync(path).isDirectory()) return [path]
    return readdirSync(path)
      .filter((name) => name.endsWith('.json') || name.endsWith('.ndjson'))
      .sort()
      .map((name) => join(path, name))
  } catch (error) {
    throw usage(`${path} cannot be read: ${(error as Error).message}`)
  }
}

/** The messages of a file: one, a list, or one a line. */
function messagesOf(path: string): unknown[] {
  const text = readFileSync(path, 'utf8').trim()
  try {
    if (path.endsWith('.ndjson')) return text === '' ? [] : text.split('\n').map((line) => JSON.parse(line))
    const value: unknown = JSON.parse(text)
    return Array.isArray(value) ? value : [value]
  } catch (error) {
    throw usage(`${path} is not JSON: ${(error as Error).message}`)
  }
}

function textOf(answer: FeedAnswer): string {
  const { eventId, registrationId, version, outcome, code, reason, late, repeated, rights, cachesEmptied } = answer
  const notes = [late && 'late', repeated && 'sent before'].filter((note) => typeof note === 'string').join(', ')
  const why = [code, reason].filter((part) => part !== undefined).join(': ')
  const lines = [
    `${eventId} (${registrationId} version ${version}): ${outcome}${notes && ` (${notes})`}${why && `, ${why}`}`,
  ]
  for (const { mpxn, marketRole, mpid, from, to } of rights)
    lines.push(`  ${marketRole} of ${mpxn}: ${mpid} from ${from}${to === undefined ? '' : ` to ${to}`}`)
  if (cachesEmptied.length > 0) lines.push(`  cached readings deleted: ${cachesEmptied.join(', ')}`)
  return lines.join('\n')
}

function show(answers: readonly FeedAnswer[], options: Options, io: Io): void {
  if (options.json === true) io.stdout(answers.map((answer) => `${JSON.stringify(answer)}\n`).join(''))
  else {
    const isLong = answers.length > 50
    const shown = isLong ? answers.filter(({ outcome }) => outcome === 'Rejected' || outcome === 'Waiting') : answers
    for (const answer of shown.slice(0, 100)) io.stdout(`${textOf(answer)}\n`)
    const counts = (['Accepted', 'Ignored', 'Rejected', 'Waiting'] as const).map((outcome) => {
      return `${answers.filter((answer) => answer.outcome === outcome).length} ${outcome.toLowerCase()}`
    })
    if (answers.length > 1) io.stdout(`${answers.length} messages: ${counts.join(', ')}\n`)
  }
}

async function send(paths: StatePaths, path: string | undefined, options: Options, io: Io): Promise<number> {
  if (path === undefined) throw usage('name a file of messages, or a directory of such files')
  const policy = feedPolicyOf(readConfig(paths.config, io.env, {}))
  const files = filesIn(path)
  const shown = progressOf(io, 'messages')
  // A stream of the past or of the future is judged by its own times.
  const timed = (message?: RegistrationMessage) =>
    options.asDated === true && message !== undefined ? Date.parse(message.eventDate) : Date.now()
  const answers = await withFeed(paths, policy, timed, async (feed) => {
    const all: FeedAnswer[] = []
    for (const file of files) {
      const messages = messagesOf(file)
      for (let from = 0; from < messages.length; from += sentAtOnce) {
        all.push(...(await feed.apply(messages.slice(from, from + sentAtOnce))))
        shown(all.length)
      }
    }
    return all
  })
  show(answers, options, io)
  return answers.some(({ outcome }) => outcome === 'Rejected') ? exitCode.failed : exitCode.ok
}

async function decide(
  action: 'release' | 'drop',
  paths: StatePaths,
  eventId: string | undefined,
  options: Options,
  io: Io,
) {
  if (eventId === undefined) throw usage(`name the message to ${action} by its eventId: smets1 feed waiting lists them`)
  const policy = feedPolicyOf(readConfig(paths.config, io.env, {}))
  const answer = await withFeed(
    paths,
    policy,
    () => Date.now(),
    (feed) =>
      feed[action](eventId).catch((error: Error) => {
        throw usage(error.message)
      }),
  )
  show([answer], options, io)
  return answer.outcome === 'Rejected' && action === 'release' ? exitCode.failed : exitCode.ok
}

async function waiting(paths: StatePaths, options: Options, io: Io): Promise<number> {
  const policy = feedPolicyOf(readConfig(paths.config, io.env, {}))
  const list = await withFeed(
    paths,
    policy,
    () => Date.now(),
    async (feed) => feed.waiting(),
  )
  if (options.json === true) io.stdout(`${JSON.stringify(list)}\n`)
  else if (list.length === 0) io.stdout('no message waits\n')
  for (const { eventId, since, registrationId, mpans } of options.json === true ? [] : list)
    io.stdout(`${eventId}  ${registrationId}  ${mpans} MPANs  since ${since}\n`)
  return exitCode.ok
}

function simulate(paths: StatePaths, options: Options, io: Io): number {
  const out = textOption(options, 'out')
  if (out === undefined) throw usage('--out names the directory for the files of messages')
  const { devices } = loadRegistry(paths)
  const mpans: string[] = []
  for (const { importMpan } of devices) {
    if (importMpan !== undefined && mpans.push(importMpan) === 100_000) break
  }
  if (mpans.length === 0) throw usage('the registry has no import MPAN: import devices first')
  const days = simulateFeed({
    seed: wholeOption(options, 'seed', 0, 0xffff_ffff) ?? 1,
    months: wholeOption(options, 'months', 1, 120) ?? 3,
    perDay: wholeOption(options, 'rate', 1, 100_000) ?? 20,
    mpans,
    startMs: Date.now(),
  })
  mkdirSync(out, { recursive: true })
  let count = 0
  for (const { day, messages } of days) {
    writeFileSync(join(out, `${day}.ndjson`), messages.map((message) => `${JSON.stringify(message)}\n`).join(''))
    count += messages.filter(isMessage).length
  }
  if (options.json === true) io.stdout(`${JSON.stringify({ days: days.length, messages: count, out })}\n`)
  else io.stdout(`${count} messages of ${days.length} days in ${out}: smets1 feed send ${out} --as-dated\n`)
  return exitCode.ok
}

export const feedCommand: Command = {
  name: 'feed',
  argument: '<action> [what]',
  summary:
    'apply registration messages, or simulate a stream of them (action: send, waiting, release, drop, simulate, schema)',
  options: [
    'For send',
    ['--as-dated', "judge each message by its own eventDate instead of today's date (rehearsals)"],
    'For simulate',
    ['--seed <n>', 'the same seed, the same messages', '1'],
    ['--months <n>', 'months of messages, from today', '3'],
    ['--rate <n>', 'messages a day', '20'],
    ['--out <dir>', 'directory for one file a day'],
    'Output and state',
    ['--json', 'the answers as JSON, one a line'],
    ['--state <dir>', 'the state directory', '.smets1'],
  ],
  examples: [
    'smets1 feed send appointments.json',
    'smets1 feed simulate --seed 7 --months 3 --rate 100 --out stream',
    'smets1 feed send stream --as-dated',
    'smets1 feed waiting',
  ],
  async run(options, io) {
    const [action = '', what] = options.argument as string[]
    const paths = stateOption(options)
    if (action === 'send') return send(paths, what, options, io)
    if (action === 'waiting') return waiting(paths, options, io)
    if (action === 'release' || action === 'drop') return decide(action, paths, what, options, io)
    if (action === 'simulate') return simulate(paths, options, io)
    if (action !== 'schema') throw usage(`feed does send, waiting, release, drop, simulate and schema, not ${action}`)
    io.stdout(`${JSON.stringify(messageSchema, null, 2)}\n`)
    return exitCode.ok
  },
}
