// smets1 collect: the reference settlement collector, what it has, and what is missing.

import { existsSync, mkdirSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import { settlementTimetableNames } from '../catalogue/settlement-timetable.ts'
import { type CollectionPaths, collectionPaths, openCollection } from '../collector/collection-files.ts'
import {
  consumptionMessages,
  csvHeader,
  csvLines,
  exportFormats,
  type MissingDay,
  missingOfDay,
  settlementDay,
} from '../collector/export.ts'
import { leaveMessage } from '../collector/inbox.ts'
import type { CollectorStore, KeptAgreement } from '../collector/kept.ts'
import { agentMessageProblems, isAgentMessage } from '../collector/messages.ts'
import { isComplete, standingOf } from '../collector/standing.ts'
import { createValues, hasHalfHours } from '../collector/values.ts'
import { CommandError, exitCode } from '../state/errors.ts'
import { statePaths, writeFileWhole } from '../state/state-directory.ts'
import { runCollector } from './collect-run.ts'
import { type Command, type Io, type Options, textOption } from './command.ts'
import type { FileReaders } from './import.ts'
import { nowIn } from './now-in.ts'

const usage = (why: string) => new CommandError(exitCode.usage, why)

interface Opened {
  store: CollectorStore
  values: ReturnType<typeof createValues>
  rows: KeptAgreement[]
  nowMs: number
}

/** What is kept, for one command. */
async function withCollection<T>(paths: CollectionPaths, options: Options, act: (opened: Opened) => T): Promise<T> {
  const { store, key } = openCollection(paths)
  try {
    const mpan = textOption(options, 'mpan')
    const all = [...store.range('agreements', '', '\uffff')].map(({ value }) => value)
    const rows = all.filter(({ agreement }) => mpan === undefined || agreement.mpan === mpan)
    if (rows.length === 0)
      throw usage(mpan === undefined ? 'the collection is empty' : `${mpan} is not in the portfolio`)
    const nowMs = nowIn(statePaths(textOption(options, 'state') ?? '.smets1'))
    return act({ store, values: createValues(store, { key }), rows, nowMs })
  } finally {
    await store.close()
  }
}

const percent = (part: number, of: number) => (of === 0 ? '-' : `${((100 * part) / of).toFixed(1)} %`)

function status({ values, rows, nowMs }: Opened, options: Options, io: Io): number {
  const timetable = textOption(options, 'timetable') ?? 'dated'
  const named = settlementTimetableNames.find((one) => one === timetable)
  if (named === undefined) throw usage(`--timetable is ${settlementTimetableNames.join(', ')}, not ${timetable}`)
  const profiled = rows.filter(({ agreement }) => hasHalfHours(agreement))
  const days = profiled.flatMap((row) => values.daysOf(row, 'settlement', nowMs))
  const complete = days.filter(isComplete).length
  const halfHours = days.flatMap((day) => day.values)
  const kept = halfHours.filter(({ wh }) => wh !== null).length
  const standings = standingOf(days, named, nowMs)
  const months = profiled.flatMap((row) =>
    values.monthsOf(row, nowMs).map((month) => ({ mpan: row.agreement.mpan, ...month })),
  )
  const flags = rows.flatMap(({ agreement }) =>
    values.flagsOf(agreement).map((flag) => ({ mpan: agreement.mpan, ...flag })),
  )
  if (options.json === true) {
    const counts = { agreements: rows.length, days: days.length, complete, halfHours: halfHours.length, kept }
    io.stdout(`${JSON.stringify({ ...counts, timetable: named, standings, months, flags })}\n`)
    return exitCode.ok
  }
  io.stdout(
    `${rows.length} agreements; ${kept} of ${halfHours.length} half-hours, ${percent(kept, halfHours.length)}\n`,
  )
  io.stdout(`${complete} of ${days.length} settlement days complete, by the timetable "${named}":\n`)
  for (const { run, past, pastComplete, ahead, aheadComplete, next } of standings) {
    const coming = next === undefined ? '' : `; next ${next.date}, for ${next.settlementDay}`
    const shown = `past ${pastComplete} of ${past} (${percent(pastComplete, past)}), ahead ${aheadComplete} of ${ahead}`
    io.stdout(`  ${run.padEnd(3)} ${shown}${coming}\n`)
  }
  for (const { mpan, from, to, registersWh, halfHoursWh, missing, differenceWh } of months) {
    const gap = missing === 0 ? '' : ` (${missing} half-hours missing)`
    io.stdout(
      `  ${mpan} ${from} to ${to}: registers ${registersWh} Wh, half-hours ${halfHoursWh} Wh, difference ${differenceWh} Wh${gap}\n`,
    )
  }
  for (const { mpan, stampMs, why, wh } of flags)
    io.stdout(`  flag: ${mpan} ${new Date(stampMs).toISOString()}: ${wh} Wh, ${why}\n`)
  return exitCode.ok
}

function missingRows({ values, rows, nowMs }: Opened): MissingDay[] {
  return rows
    .filter(({ agreement }) => hasHalfHours(agreement))
    .flatMap((row) =>
      (['settlement', 'utc'] as const).flatMap((kind) =>
        values.daysOf(row, kind, nowMs).flatMap((day) => missingOfDay(row.agreement, kind, day)),
      ),
    )
}

function missing(opened: Opened, options: Options, io: Io): number {
  const found = missingRows(opened)
  if (options.json === true) io.stdout(`${JSON.stringify(found)}\n`)
  else {
    for (const { mpan, day, date, missing: count, own, periods, why } of found)
      io.stdout(`${mpan} ${day.padEnd(10)} ${date}  ${count} of ${own}, periods ${periods}: ${why}\n`)
    if (found.length === 0) io.stdout('nothing is missing\n')
  }
  return found.length === 0 ? exitCode.ok : exitCode.failed
}

/** The text of an export. */
function exported(opened: Opened, format: string, sp: 'end' | 'start'): string {
  const { values, rows, nowMs } = opened
  if (format === 'missing') return `${JSON.stringify(missingRows(opened))}\n`
  const profiled = rows.filter(({ agreement }) => hasHalfHours(agreement))
  if (format === 'if-064') {
    const messages = profiled.flatMap((row) => consumptionMessages(row.agreement, values.daysOf(row, 'utc', nowMs), sp))
    return messages.map((message) => `${JSON.stringify(message)}\n`).join('')
  }
  const lines = profiled.map((row) => {
    const days = values.daysOf(row, 'settlement', nowMs)
    if (format === 'settlement')
      return days.map((day) => `${JSON.stringify(settlementDay(row.agreement, day))}\n`).join('')
    const flags = new Map(values.flagsOf(row.agreement).map(({ stampMs, why }) => [stampMs, why]))
    return days.map((day) => csvLines(row.agreement, day, flags)).join('')
  })
  return (format === 'csv' ? csvHeader : '') + lines.join('')
}

function exportTo(opened: Opened, options: Options, io: Io): number {
  const format = textOption(options, 'format') ?? 'if-064'
  if (!exportFormats.some((one) => one === format))
    throw usage(`--format is ${exportFormats.join(', ')}, not ${format}`)
  const sp = textOption(options, 'sp') ?? 'end'
  if (sp !== 'end' && sp !== 'start') throw usage(`--sp is end or start, not ${sp}`)
  const text = exported(opened, format, sp)
  const out = textOption(options, 'out')
  if (out === undefined) io.stdout(text)
  else {
    if (!existsSync(dirname(resolve(out)))) mkdirSync(dirname(resolve(out)), { recursive: true, mode: 0o700 })
    writeFileWhole(resolve(out), text)
    io.stderr(`${out}: readings in clear, for its owner alone (0600)\n`)
  }
  return exitCode.ok
}

const messagesBytesMax = 10 * 1024 * 1024

/** Leaves the messages of a file, one or a list, for the collector that runs. */
function sendMessages(paths: CollectionPaths, file: string | undefined, readers: FileReaders, io: Io): number {
  if (file === undefined) throw usage('name a file of messages: IF-061 starts, IF-063 stops, IF-065 reads')
  let value: unknown
  try {
    value = JSON.parse(readers.readTextFile(file, messagesBytesMax))
  } catch (error) {
    throw usage(`${file}: ${(error as Error).message}`)
  }
  const messages = Array.isArray(value) ? value : [value]
  const problems = messages.flatMap((one, i) =>
    agentMessageProblems(one).map((problem) => `  message ${i + 1}: ${problem}`),
  )
  if (problems.length > 0) throw usage(`${file}: nothing was sent\n${problems.join('\n')}`)
  const place = String(Date.now()).padStart(14, '0')
  messages.filter(isAgentMessage).forEach((message, i) => {
    leaveMessage(paths.inbox, message, `${place}-${String(i).padStart(6, '0')}`)
  })
  io.stderr(`${messages.length} sent; answers come into ${paths.answers} while the collector runs\n`)
  return exitCode.ok
}

const actions: { [name: string]: (opened: Opened, options: Options, io: Io) => number } = {
  status,
  missing,
  export: exportTo,
}

export function collectCommand(readers: FileReaders): Command {
  return {
    name: 'collect',
    argument: '<action> [file]',
    summary: 'collect settlement days as an MDR or supplier (action: run, status, missing, export, send)',
    options: [
      'For run',
      ['--portfolio <csv>', 'MPANs to collect: mpan,device,role,direction,consent,from,to'],
      ['--as <user>', 'the User that collects', 'mdr'],
      ['--window <from-to>', 'part of the day, UTC, over which schedules are spread (00:15-05:45 unless given)'],
      ['--stamps <end|start>', "what the stamps of the meters' half-hours are", 'end'],
      ['--flag-above <wh>', 'flag half-hours of more (37950 unless given: three phases of 100 A at 253 V)'],
      ['--url <url>', 'the DCC (http://127.0.0.1:8079 unless configured)'],
      ['--keys-boxed <jar>', "the DCC's signing tool, if the bridge signs with its DSP key"],
      'For status, missing and export',
      ['--mpan <mpan>', 'only this one'],
      ['--timetable <name>', `${settlementTimetableNames.join(', ')}: by which status counts`, 'dated'],
      ['--format <name>', `of an export: ${exportFormats.join(', ')}`, 'if-064'],
      ['--sp <end|start>', 'what the time of a period in IF-064 is', 'end'],
      ['--out <file>', 'write the export to this file, 0600, not to standard output'],
      'Everywhere',
      ['--collection <dir>', 'what the collector keeps, sealed', '.smets1-collection'],
      ['--json', 'events (run), counts (status) or rows (missing) as JSON'],
      ['--state <dir>', 'the state directory with keys and registry', '.smets1'],
    ],
    examples: [
      'smets1 collect run --portfolio portfolio.csv',
      'smets1 collect status --timetable assessment',
      'smets1 collect missing --mpan 1234567890126',
      'smets1 collect export --format settlement --out days.ndjson',
      'smets1 collect send start.json',
    ],
    async run(options, io) {
      const [action = '', file] = [options.argument].flat().map(String)
      const paths = collectionPaths(textOption(options, 'collection') ?? '.smets1-collection')
      if (action === 'run') return runCollector(paths, options, readers, io)
      if (action === 'send') return sendMessages(paths, file, readers, io)
      const act = Object.hasOwn(actions, action) ? actions[action] : undefined
      if (act === undefined) throw usage(`collect does run, send, ${Object.keys(actions).join(', ')}, not ${action}`)
      return withCollection(paths, options, (opened) => act(opened, options, io))
    },
  }
}
