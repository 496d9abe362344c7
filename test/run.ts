// npm test [-- PATTERN …]: runs each test file as a process of its own, as many at once as there are cores.
//
//   PATTERN       only files with this text in their path; several patterns select more
//   --long        the files named *.long.test instead of the others
//   --all         both
//   --jobs N      how many at once (default: the number of cores)
//   --limit S     seconds after which a file is killed and counts as failed (default 300);
//                 a tenth of it for ending after its tests
//   --record      writes how long each file took to test/durations.json, from which the order is planned
//   --folder DIR  where the test files are (default: the folder of this file)

import { type ChildProcess, spawn } from 'node:child_process'
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { availableParallelism, tmpdir } from 'node:os'
import { dirname, extname, join, relative, resolve } from 'node:path'
import { parseArgs, stripVTControlCharacters } from 'node:util'

/** What became of one file. */
interface Outcome {
  /** Path from the test folder, without its ending. */
  name: string
  seconds: number
  total: number
  passed: number
  skipped: number
  output: string
  /** Why the file failed, beyond its failed tests. */
  fault: string | undefined
}

interface Settings {
  folder: string
  scratch: string
  limitMs: number
  jobs: number
}

/** Durations in seconds of the last recorded run, by name. Files that took less than this are not recorded. */
const recordedFromSeconds = 1
/** Relative: npm runs scripts in the root of the package. */
const durationsPath = join('test', 'durations.json')
const ending = `.test${extname(import.meta.filename)}`
const running = new Map<string, ChildProcess>()

function recordedDurations(): { [name: string]: number } {
  try {
    return JSON.parse(readFileSync(durationsPath, 'utf8'))
  } catch {
    return {}
  }
}

/** Names of the test files that are asked for, the longest first. */
function selectFiles(folder: string, patterns: readonly string[], isWanted: (name: string) => boolean): string[] {
  const durations = recordedDurations()
  const names = readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((path) => path.endsWith(ending))
    .map((path) => path.slice(0, -ending.length))
  const matches = (name: string) =>
    patterns.length === 0 || patterns.some((pattern) => `test/${name}.test.ts`.includes(pattern))
  return names
    .filter((name) => isWanted(name) && matches(name))
    .sort((a, b) => (durations[b] ?? 0) - (durations[a] ?? 0) || (a < b ? -1 : 1))
}

/** Ends a test file with everything that it started. */
function killGroup(child: ChildProcess): void {
  if (child.pid === undefined) return
  try {
    process.kill(-child.pid, 'SIGKILL')
  } catch {
    // The whole group has ended.
  }
}

/** The sum of a total that uvu prints, over all that the file printed. */
function sumOf(output: string, word: 'Total' | 'Passed' | 'Skipped'): number {
  let sum = 0
  for (const [, count] of output.matchAll(new RegExp(`^ *${word}: +(\\d+)$`, 'gm'))) sum += Number(count)
  return sum
}

function faultOf(ended: { code: number | null; signal: string | null; killed: string | undefined }, outcome: Outcome) {
  if (ended.killed !== undefined) return ended.killed
  if (ended.signal !== null) return `ended by ${ended.signal}`
  if (outcome.total + outcome.skipped === 0) return `ran no test (exit code ${ended.code})`
  if (outcome.passed < outcome.total) return undefined
  return ended.code === 0 ? undefined : `exit code ${ended.code}`
}

/** Runs one file in a process group and a temporary directory of its own. */
async function runFile(name: string, number: number, settings: Settings): Promise<Outcome> {
  const temporary = join(settings.scratch, `${number}`)
  mkdirSync(temporary)
  const startMs = performance.now()
  const child = spawn(process.execPath, [...process.execArgv, join(settings.folder, name + ending)], {
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, TMPDIR: temporary },
  })
  running.set(name, child)
  let output = ''
  let killed: string | undefined
  const killAfter = (ms: number, why: string) =>
    setTimeout(() => {
      killed = `${why}: killed after ${ms / 1000} s`
      killGroup(child)
    }, ms)
  const timers = [killAfter(settings.limitMs, 'did not finish its tests')]
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8')
    stream.on('data', (text) => {
      output += text
      // A test that failed may have left a program running, for which its file would wait.
      if (timers.length === 1 && /^ +Duration: /m.test(stripVTControlCharacters(text)))
        timers.push(killAfter(settings.limitMs / 10, 'did not end after its tests'))
    })
  }
  const ended = await new Promise<{ code: number | null; signal: string | null }>((done) => {
    child.once('error', (error) => {
      output += `${error.message}\n`
      done({ code: null, signal: null })
    })
    child.once('exit', (code, signal) => {
      // What the file left running would keep its output open.
      killGroup(child)
      child.once('close', () => done({ code, signal }))
    })
  })
  for (const timer of timers) clearTimeout(timer)
  running.delete(name)
  rmSync(temporary, { recursive: true, force: true })
  const plain = stripVTControlCharacters(output)
  const [total, passed, skipped] = [sumOf(plain, 'Total'), sumOf(plain, 'Passed'), sumOf(plain, 'Skipped')]
  const seconds = (performance.now() - startMs) / 1000
  const outcome: Outcome = { name, seconds, total, passed, skipped, output, fault: undefined }
  outcome.fault = faultOf({ ...ended, killed }, outcome)
  return outcome
}

function hasFailed(outcome: Outcome): boolean {
  return outcome.fault !== undefined || outcome.passed < outcome.total
}

/** Failed tests; a file that failed although its tests passed counts as one. */
function failuresOf(outcome: Outcome): number {
  return outcome.total - outcome.passed || (outcome.fault === undefined ? 0 : 1)
}

function showProgress(done: number, all: number, failed: number): void {
  if (!process.stderr.isTTY) return
  const line = `${done}/${all} files, ${failed} failed; running ${[...running.keys()].join(', ')}`
  process.stderr.write(`\r\x1b[K${line.slice(0, (process.stderr.columns ?? 80) - 1)}`)
}

function clearProgress(): void {
  if (process.stderr.isTTY) process.stderr.write('\r\x1b[K')
}

/** Runs all files; prints what a failed file printed as soon as it has ended. */
async function runFiles(names: readonly string[], settings: Settings): Promise<Outcome[]> {
  const outcomes: Outcome[] = []
  let next = 0

  async function work(): Promise<void> {
    while (next < names.length) {
      const number = next++
      const started = runFile(names[number]!, number, settings)
      showProgress(outcomes.length, names.length, outcomes.filter(hasFailed).length)
      const outcome = await started
      outcomes.push(outcome)
      if (!hasFailed(outcome)) continue
      clearProgress()
      process.stdout.write(`\n== test/${outcome.name}.test.ts: ${outcome.fault ?? 'tests failed'}\n${outcome.output}\n`)
    }
  }

  await Promise.all(Array.from({ length: settings.jobs }, work))
  clearProgress()
  return outcomes
}

/** What was left out and why, the slowest files, the failed files, and the totals. */
function report(outcomes: readonly Outcome[], seconds: number): string {
  const lines: string[] = []
  const slowest = [...outcomes].sort((a, b) => b.seconds - a.seconds).slice(0, 10)
  const line = (outcome: Outcome) =>
    `  ${outcome.seconds.toFixed(1).padStart(6)} s ${`${outcome.passed}/${outcome.total}`.padStart(8)}  test/${outcome.name}.test.ts`
  lines.push('', 'slowest:', ...slowest.map(line))
  for (const { output } of outcomes) lines.push(...(output.match(/^ +left out: .*$/gm) ?? []))
  const failed = outcomes.filter(hasFailed)
  if (failed.length > 0) lines.push('', 'failed:')
  for (const outcome of failed) lines.push(`${line(outcome)}${outcome.fault === undefined ? '' : `: ${outcome.fault}`}`)
  const sum = (value: (outcome: Outcome) => number) => outcomes.reduce((total, outcome) => total + value(outcome), 0)
  const passed = sum((outcome) => outcome.passed)
  lines.push(
    '',
    `  Files:     ${outcomes.length}`,
    `  Total:     ${passed + sum(failuresOf)}`,
    `  Passed:    ${passed}`,
    `  Skipped:   ${sum((outcome) => outcome.skipped)}`,
    `  Duration:  ${seconds.toFixed(1)} s`,
    '',
  )
  return lines.join('\n')
}

/** Keeps the durations of files that were not run this time and still exist. */
function record(outcomes: readonly Outcome[], existing: readonly string[]): void {
  const durations = Object.entries(recordedDurations()).filter(([name]) => existing.includes(name))
  const all = new Map(durations)
  for (const { name, seconds } of outcomes) {
    all.delete(name)
    if (seconds >= recordedFromSeconds) all.set(name, Math.round(seconds * 10) / 10)
  }
  const sorted = Object.fromEntries([...all].sort(([a], [b]) => (a < b ? -1 : 1)))
  writeFileSync(durationsPath, `${JSON.stringify(sorted, null, 2)}\n`)
}

function readArguments() {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      long: { type: 'boolean', default: false },
      all: { type: 'boolean', default: false },
      jobs: { type: 'string', default: `${availableParallelism()}` },
      limit: { type: 'string' },
      record: { type: 'boolean', default: false },
      folder: { type: 'string', default: dirname(import.meta.filename) },
    },
  })
  const limit = Number(values.limit ?? 300)
  const jobs = Number(values.jobs)
  if (!(limit > 0) || !(Number.isInteger(jobs) && jobs > 0)) throw new Error('--jobs and --limit are numbers above 0')
  const isLong = (name: string) => name.endsWith('.long')
  const isWanted = (name: string) => values.all || isLong(name) === values.long
  return { ...values, folder: resolve(values.folder), jobs, limitMs: limit * 1000, isWanted, patterns: positionals }
}

async function main(): Promise<number> {
  const { folder, jobs, limitMs, isWanted, patterns, record: isRecorded } = readArguments()
  const names = selectFiles(folder, patterns, isWanted)
  if (names.length === 0) {
    process.stderr.write(`no test file in ${relative('.', folder) || '.'} matches ${patterns.join(', ')}\n`)
    return 2
  }
  const scratch = mkdtempSync(join(tmpdir(), 'smets1-test-'))
  process.once('exit', () => {
    for (const child of running.values()) killGroup(child)
    rmSync(scratch, { recursive: true, force: true })
  })
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(signal, () => process.exit(130))
  const startMs = performance.now()
  const outcomes = await runFiles(names, { folder, scratch, limitMs, jobs })
  process.stdout.write(report(outcomes, (performance.now() - startMs) / 1000))
  if (isRecorded)
    record(
      outcomes,
      selectFiles(folder, [], () => true),
    )
  return outcomes.some(hasFailed) ? 1 : 0
}

try {
  process.exitCode = await main()
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : error}\n`)
  process.exitCode = 2
}
