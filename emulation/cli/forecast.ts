// smets1 forecast: the load that market-wide half-hourly settlement puts on the DCC's systems, by table 5's parameters.

import { readFileSync } from 'node:fs'
import { type Command, type Flag, type Io, type Options, textOption } from '../../host/cli/command.ts'
import { CommandError, exitCode } from '../../host/state/errors.ts'
import { type FigureName, figures, forecastRange, type Range } from '../forecast/forecast.ts'
import { type ForecastParameters, type ParameterName, parameterFacts, scenarios } from '../forecast/parameters.ts'
import { readScenario, readUnitCosts, type Scenario, withValues } from '../forecast/scenario-file.ts'
import { parseSweep, ValueError } from '../forecast/values.ts'

const parameterNames = Object.keys(parameterFacts) as ParameterName[]
const figureNames = Object.keys(figures) as FigureName[]

type Column = { scenario: Scenario; values: Record<FigureName, Range> }

const columnOf = (scenario: Scenario): Column => ({
  scenario,
  values: forecastRange(scenario.parameters, scenario.ranges),
})

const scales: readonly (readonly [number, string])[] = [
  [1e9, 'G'],
  [1e6, 'M'],
  [1e3, 'k'],
]

/** A value with three or four significant digits, and its unit: `11.1 M/day`, `15.1 GB/day`, `3,408 /s`. */
function shown(value: number, unit: string): string {
  const scaled = unit === '/day' || unit === 'B/day'
  const [by, prefix] = (scaled && scales.find(([one]) => value >= one)) || [1, '']
  const number = value / by
  const digits = number >= 100 || (number === 0 && !scaled) ? 0 : number >= 10 || scaled ? 1 : number >= 1 ? 2 : 3
  const text = number.toLocaleString('en-GB', { minimumFractionDigits: digits, maximumFractionDigits: digits })
  return unit === '£' ? `£${text}` : `${text} ${prefix}${unit}`.trim()
}

function shownRange({ low, high }: Range, unit: string): string {
  return low === high ? shown(low, unit) : `${shown(low, unit)} to ${shown(high, unit)}`
}

function tableOf(columns: Column[]): string {
  const priced = columns.some(({ values }) => values.smsCostPerMeterMonth.high > 0)
  const listed = figureNames.filter((name) => priced || name !== 'smsCostPerMeterMonth')
  const rows = [
    ['', ...columns.map(({ scenario }) => scenario.name)],
    ...listed.map((name) => [
      figures[name].title,
      ...columns.map(({ values }) => shownRange(values[name], figures[name].unit)),
    ]),
  ]
  const widths = rows[0]?.map((_, i) => Math.max(...rows.map((row) => row[i]?.length ?? 0))) ?? []
  const line = (row: string[]) =>
    row.map((cell, i) => (i === 0 ? cell.padEnd(widths[i] ?? 0) : cell.padStart(widths[i] ?? 0))).join('  ')
  return `${rows.map((row) => line(row).trimEnd()).join('\n')}\n`
}

function parameterText(name: ParameterName, { parameters, ranges }: Scenario): string {
  const { low, high } = ranges[name] ?? { low: parameters[name], high: parameters[name] }
  const one = (value: number | undefined) => {
    if (value === undefined) return 'as much again'
    if (name === 'windowHours') return `${Number(value.toFixed(2))} h`
    return parameterFacts[name].max === 1
      ? `${Number((value * 100).toFixed(2))} %`
      : value.toLocaleString('en-GB', { maximumFractionDigits: 3 })
  }
  return low === high ? one(low) : `${one(low)} to ${one(high)}`
}

/** Each figure with its formula, and each parameter with its source. */
function explanation(columns: Column[]): string {
  const lines = ['Figures']
  for (const name of figureNames) lines.push(`  ${figures[name].title}: ${figures[name].formula}`)
  lines.push('', 'Parameters')
  for (const name of parameterNames) {
    const { flag, meaning, source } = parameterFacts[name]
    const values = columns.map(({ scenario }) => parameterText(name, scenario))
    const same = values.every((one) => one === values[0])
    lines.push(`  --${flag} ${same ? values[0] : values.join(' | ')}: ${meaning}`, `      ${source}`)
  }
  return `${lines.join('\n')}\n`
}

const barWidth = 40
/** The figures that a sweep draws: those that change most with the window, the cache and the scenario. */
const drawn: readonly FigureName[] = [
  'requestsPerSecond',
  'deviceReadsPerDay',
  'dcoCallsInProgress',
  'smets1DeviceReadsPerSecond',
  'smsPerMeterMonth',
]

/** A curve for each drawn figure: a bar for each value of the parameter that is swept. */
function curves(columns: Column[]): string {
  return drawn
    .map((name) => {
      const { title, unit } = figures[name]
      const most = Math.max(...columns.map(({ values }) => values[name].high))
      const labels = columns.map(({ scenario }) => scenario.name)
      const width = Math.max(...labels.map((label) => label.length))
      const bars = columns.map(({ values }, i) => {
        const length = most === 0 ? 0 : Math.round((values[name].high / most) * barWidth)
        return `  ${(labels[i] ?? '').padEnd(width)}  ${'█'.repeat(length).padEnd(barWidth)}  ${shownRange(values[name], unit)}`
      })
      return `${title}\n${bars.join('\n')}\n`
    })
    .join('\n')
}

function jsonOf(columns: Column[]): string {
  const rows = columns.map(({ scenario, values }) => ({
    scenario: scenario.name,
    parameters: scenario.parameters,
    ranges: scenario.ranges,
    figures: Object.fromEntries(
      figureNames.map((name) => {
        const { low, high } = values[name]
        return [name, { ...(low === high ? { value: low } : { low, high }), unit: figures[name].unit }]
      }),
    ),
  }))
  return `${JSON.stringify(rows)}\n`
}

/** A cell of CSV that no spreadsheet reads as a formula. */
function cell(value: string | number): string {
  const text = String(value)
  const safe = typeof value === 'string' && /^[=+\-@\t\r]/.test(text) ? `'${text}` : text
  return /[",\n\r]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe
}

function csvOf(columns: Column[]): string {
  const rows = columns.flatMap(({ scenario, values }) =>
    figureNames.map((name) => [
      scenario.name,
      name,
      figures[name].title,
      values[name].low,
      values[name].high,
      figures[name].unit,
    ]),
  )
  return [['scenario', 'figure', 'title', 'low', 'high', 'unit'], ...rows]
    .map((row) => `${row.map(cell).join(',')}\n`)
    .join('')
}

function fileText(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch (error) {
    throw new CommandError(exitCode.usage, `${path} cannot be read: ${(error as Error).message}`)
  }
}

function scenariosOf(options: Options): Scenario[] {
  const named = textOption(options, 'scenario')
  const builtIn = (name: 'A' | 'B' | 'C'): Scenario => ({ name, parameters: scenarios[name], ranges: {} })
  if (named === undefined) return [builtIn('A'), builtIn('B'), builtIn('C')]
  if (named === 'A' || named === 'B' || named === 'C') return [builtIn(named)]
  return [readScenario(fileText(named), named)]
}

const optionName = (flag: string) => flag.replace(/-(\w)/g, (_, letter: string) => letter.toUpperCase())

function chosen(options: Options): Column[] {
  const typed: { [flag: string]: string } = {}
  for (const name of parameterNames) {
    const { flag } = parameterFacts[name]
    const text = textOption(options, optionName(flag))
    if (text !== undefined) typed[flag] = text
  }
  const measured = textOption(options, 'fromRehearsal')
  const costs: Partial<ForecastParameters> = measured === undefined ? {} : readUnitCosts(fileText(measured), measured)
  const list = scenariosOf(options).map((one) =>
    withValues({ ...one, parameters: { ...one.parameters, ...costs } }, typed),
  )
  const sweep = textOption(options, 'sweep')
  if (sweep === undefined) return list.map(columnOf)
  const { name, values } = parseSweep(sweep)
  return list.flatMap((one) =>
    values.map((value) => {
      const { [name]: _, ...ranges } = one.ranges
      const swept: Scenario = { ...one, parameters: { ...one.parameters, [name]: value }, ranges }
      const label = `${parameterFacts[name].flag} ${parameterText(name, swept)}`
      return columnOf({ ...swept, name: list.length === 1 ? label : `${one.name}, ${label}` })
    }),
  )
}

function print(options: Options, io: Io): void {
  const columns = chosen(options)
  if (options.json === true) io.stdout(jsonOf(columns))
  else if (options.csv === true) io.stdout(csvOf(columns))
  else {
    io.stdout(options.sweep === undefined ? tableOf(columns) : curves(columns))
    if (options.explain === true) io.stdout(`\n${explanation(columns)}`)
    else io.stderr('Each figure with its formula, each parameter with its source or assumption: --explain\n')
  }
}

const parameterFlags: Flag[] = parameterNames.map((name) => {
  const { flag, meaning, max } = parameterFacts[name]
  const form = name === 'windowHours' ? 'window' : max === 1 ? 'share' : 'number'
  return [`--${flag} <${form}>`, meaning]
})

export const forecastCommand: Command = {
  name: 'forecast',
  summary:
    'compute the load of market-wide half-hourly settlement on DSP, S1SPs, DCO and SMETS1 WAN (table 5 of the impact assessment)',
  options: [
    'Scenario',
    ['--scenario <A|B|C|file>', 'one of table 5, or a file of parameters (YAML or JSON); all of table 5 when left out'],
    ['--from-rehearsal <file>', 'take the unit costs that smets1 rehearse --json measured'],
    'Parameters: a value, or a range such as 20..40%',
    ...parameterFlags,
    'Output',
    ['--sweep <key=values>', 'draw curves over a parameter: window=6h,8h,12h or cache=0..100%'],
    ['--explain', 'show the formula of each figure, and the source of each parameter'],
    ['--json', 'the figures as JSON'],
    ['--csv', 'the figures as CSV'],
  ],
  examples: [
    'smets1 forecast',
    'smets1 forecast --scenario C --window 13h --cache 50% --explain',
    'smets1 forecast --scenario B --export 20..40% --sms-price 0.02',
    'smets1 forecast --scenario C --sweep window=6h,8h,12h,13h,24h',
  ],
  async run(options, io) {
    try {
      print(options, io)
    } catch (error) {
      if (error instanceof ValueError) throw new CommandError(exitCode.usage, error.message)
      throw error
    }
    return exitCode.ok
  },
}
