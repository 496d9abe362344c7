// smets1 rehearse: a night, a month or a year of many meters and parties through the real bridge and the real firmware on a
// virtual clock.

import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { type Command, type Io, type Options, textOption, wholeOption } from '../../host/cli/command.ts'
import { csvOf } from '../../host/cli/dcc-client.ts'
import { CommandError, exitCode } from '../../host/state/errors.ts'
import { builtInScenarios } from '../rehearsal/built-in.ts'
import { comparisonRows, comparisonText, type Variant } from '../rehearsal/comparison.ts'
import type { Measures } from '../rehearsal/measures.ts'
import { compareKeys, parseCompare, withKey, withMember } from '../rehearsal/overrides.ts'
import { rehearseAll } from '../rehearsal/parts.ts'
import { createPopulation } from '../rehearsal/population.ts'
import { failuresOf, type Report, reportOf } from '../rehearsal/report.ts'
import { csvFiles } from '../rehearsal/report-csv.ts'
import { reportText } from '../rehearsal/report-text.ts'
import type { Scenario } from '../rehearsal/scenario.ts'
import { parseScenarioFile, readScenario } from '../rehearsal/scenario-file.ts'
import { scenarioLimits } from '../rehearsal/scenario-schema.ts'
import { createRehearsalProgress } from './rehearse-progress.ts'

/** The value of a built-in scenario or of a file. @throws CommandError */
function scenarioValue(named: string): unknown {
  const builtIn = Object.hasOwn(builtInScenarios, named) ? builtInScenarios[named] : undefined
  if (builtIn !== undefined) return builtIn
  let text: string
  try {
    text = readFileSync(named, 'utf8')
  } catch (error) {
    const names = Object.keys(builtInScenarios).join(', ')
    const why = (error as NodeJS.ErrnoException).code === 'ENOENT' ? 'is no file' : 'cannot be read'
    throw new CommandError(exitCode.usage, `${named} ${why}, and no built-in scenario: ${names}`)
  }
  return parseScenarioFile(text, named)
}

/** The scenario with what the flags change. Its rates are still those for the meters that it was written with. */
function scenarioWith(named: string, value: unknown, changed: readonly (readonly [string, string])[]): Scenario {
  const readText = (path: string) => fileText(resolve(dirname(named), path))
  const { ratedMeters } = readScenario(value, named, readText)
  if (changed.length === 0) return readScenario(value, named, readText)
  const overridden = changed.reduce((one, [key, text]) => withKey(one, key, text), value)
  return { ...readScenario(overridden, named, readText), ratedMeters }
}

/** @throws CommandError */
function fileText(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch (error) {
    throw new CommandError(exitCode.usage, `${path} cannot be read: ${(error as Error).message}`)
  }
}

interface Run {
  scenario: Scenario
  report: Report
  measures: Measures
}

async function runOne(
  scenario: Scenario,
  options: Options,
  io: Io,
  title: string,
  isCancelled: () => boolean,
): Promise<Run> {
  const progress = createRehearsalProgress(io, title)
  const processes = wholeOption(options, 'processes', 1, 64)
  try {
    const { measures, parts, begun } = await rehearseAll({ scenario, processes, progress: progress.show, isCancelled })
    const cohorts = new Map(Object.keys(scenario.population.cohorts).map((name) => [name, 0]))
    for (const { cohort } of createPopulation(scenario)) {
      cohorts.set(cohort, (cohorts.get(cohort) ?? 0) + 1)
    }
    const report = reportOf(scenario, measures, parts, cohorts)
    if (begun < parts) report.notes.push(`Ended early: ${begun} of ${parts} parts of the population were begun.`)
    return { scenario, report, measures }
  } catch (error) {
    if (error instanceof CommandError) throw error
    throw new CommandError(exitCode.usage, (error as Error).message)
  } finally {
    progress.end()
  }
}

function writeCsv(directory: string, { report, measures }: Run): void {
  mkdirSync(directory, { recursive: true })
  for (const [file, text] of Object.entries(csvFiles(report, measures))) writeFileSync(join(directory, file), text)
}

/** The flags that change a scenario, as keys and texts. */
function changesOf(options: Options): [string, string][] {
  const limits = { meters: [1, scenarioLimits.meters], days: [1, scenarioLimits.days], seed: [0, 0xffff_ffff] } as const
  return Object.entries(limits).flatMap(([name, [from, to]]): [string, string][] => {
    const value = wholeOption(options, name, from, to)
    return value === undefined ? [] : [[name, `${value}`]]
  })
}

async function run(options: Options, io: Io, isCancelled: () => boolean): Promise<number> {
  const named = String(options.argument)
  const arrivals = textOption(options, 'arrivals')
  if (named === 'arrivals' && arrivals === undefined)
    throw new CommandError(exitCode.usage, 'the scenario arrivals takes its requests from a CSV file: --arrivals FILE')
  const given = scenarioValue(named)
  const value = arrivals === undefined ? given : withMember(given, 'arrivals', resolve(arrivals))
  const changed = changesOf(options)
  const compare = textOption(options, 'compare')
  const csv = textOption(options, 'csv')
  const { key, values } = compare === undefined ? { key: '', values: [''] } : parseCompare(compare)
  // All of them first: a mistake in the last value would come after hours.
  const scenarios = values.map((text) => {
    const label = key === '' ? '' : `${key}=${text}`
    return { label, scenario: scenarioWith(named, value, key === '' ? changed : [...changed, [key, text]]) }
  })
  const variants: Variant[] = []
  for (const { label, scenario } of scenarios) {
    if (isCancelled()) break
    const one = await runOne(scenario, options, io, label === '' ? scenario.name : label, isCancelled)
    if (csv !== undefined) writeCsv(label === '' ? csv : join(csv, label), one)
    variants.push({ label, report: one.report })
  }
  const [first] = variants
  if (options.json === true) io.stdout(`${JSON.stringify(key === '' ? first?.report : variants)}\n`)
  else if (key !== '') io.stdout(comparisonText(variants))
  else if (first !== undefined) io.stdout(reportText(first.report))
  if (csv !== undefined && key !== '' && variants.length > 0)
    writeFileSync(join(csv, 'comparison.csv'), csvOf(comparisonRows(variants)))
  const failures = variants.flatMap(({ label, report }) =>
    failuresOf(report, isCancelled()).map((failure) => (label === '' ? failure : `${label}: ${failure}`)),
  )
  for (const failure of failures) io.stderr(`${failure}\n`)
  return failures.length > 0 ? exitCode.failed : exitCode.ok
}

export const rehearseCommand: Command = {
  name: 'rehearse',
  argument: '<scenario>',
  summary:
    'let many meters and parties live through a night, a month or a year on a virtual clock, and report the load',
  options: [
    'Scenario',
    ['--meters <n>', 'meters, instead of those of the scenario; its rates are scaled'],
    ['--days <n>', 'days, instead of those of the scenario'],
    ['--seed <n>', 'seed, instead of that of the scenario'],
    [
      '--arrivals <file>',
      'a CSV file of requests that really arrived: time, SRV, User, MPAN, and from, to if there are',
    ],
    ['--compare <key=values>', `rehearse once for each value: KEY=v1,v2,… of ${Object.keys(compareKeys).join(', ')}`],
    ['--processes <n>', 'processes at once for a large population (as many as there are processors unless given)'],
    'Output',
    ['--json', 'the report as JSON; smets1 forecast --from-rehearsal takes its unit costs'],
    ['--csv <dir>', 'also write the tables as CSV files'],
  ],
  examples: [
    'smets1 rehearse table-5-b',
    'smets1 rehearse no-cache --meters 500 --compare cachePolicy=off,both-days',
    'smets1 rehearse arrivals --arrivals requests.csv',
    'smets1 rehearse my-night.yaml --days 31 --csv tables --json > report.json',
  ],
  async run(options, io) {
    let isCancelled = false
    const cancel = () => {
      io.stderr(isCancelled ? '' : '\nending: what is done is reported\n')
      isCancelled = true
    }
    process.on('SIGINT', cancel)
    try {
      return await run(options, io, () => isCancelled)
    } finally {
      process.off('SIGINT', cancel)
    }
  },
}
