// smets1 import: Users, devices and registrations from CSV or JSON, all or nothing. A running bridge reads them.

import { readFileSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import { checkRegistry } from '../access/check-registry.ts'
import {
  combineRows,
  type Kind,
  kinds,
  type ReadCsv,
  type Rows,
  readImportFile,
  withPlaces,
} from '../access/import-rows.ts'
import type { Registry } from '../access/parties.ts'
import { gapsOf, textOfGap } from '../access/registration-gaps.ts'
import { CommandError, exitCode } from '../state/errors.ts'
import type { StatePaths } from '../state/state-directory.ts'
import { type Command, type Io, type Options, stateOption } from './command.ts'
import { changeRegistry, currentRows } from './registry-file.ts'

const fileBytesMax = 128 * 1024 * 1024
/** Gaps that are listed; the others are counted. */
const gapsListed = 100

/** Reads text and certificates; files of readings are decoded in the same way. */
export interface FileReaders {
  /** The text of a file, in whatever encoding. @throws Error naming the file and what is wrong */
  readTextFile: (path: string, bytesMax: number) => string
  readCsv: ReadCsv
}

function readText(path: string, { readTextFile }: FileReaders): string {
  try {
    return readTextFile(path, fileBytesMax)
  } catch (error) {
    throw new CommandError(exitCode.usage, (error as Error).message)
  }
}

/** A certificate is named by its file, beside the file that names it; the registry holds it itself. */
function takeCertificates(rows: Rows, path: string, problems: string[]): void {
  for (const { row, place } of rows.users) {
    const { certificate } = row ?? {}
    if (typeof certificate !== 'string' || certificate.startsWith('-----BEGIN')) continue
    try {
      row.certificate = readFileSync(resolve(dirname(path), certificate), 'utf8')
    } catch (error) {
      problems.push(`${place} certificate: ${(error as Error).message}`)
      delete row.certificate
    }
  }
}

interface Outcome {
  problems: string[]
  gaps: string[]
  given: { [kind in Kind]: number }
  registry?: Registry
  registrations: number
  /** The new registry file. */
  text: string
}

function prepare(paths: StatePaths, files: readonly string[], merge: boolean, readers: FileReaders): Outcome {
  const problems: string[] = []
  const given = files.map((path) => {
    const rows = readImportFile({ name: path, text: readText(path, readers) }, readers.readCsv, problems)
    takeCertificates(rows, path, problems)
    return rows
  })
  const combined = combineRows(currentRows(paths), given, merge ? 'merge' : 'replace')
  const checked = checkRegistry(combined.data)
  if (!checked.ok) problems.push(...checked.problems.map((problem) => withPlaces(problem, combined.places)))
  const outcome = {
    problems,
    given: combined.given,
    registrations: combined.data.registrations.length,
    text: `${JSON.stringify(combined.data, null, 2)}\n`,
  }
  if (!checked.ok) return { ...outcome, gaps: [] }
  return { ...outcome, gaps: gapsOf(checked.registry).map(textOfGap), registry: checked.registry }
}

function say(outcome: Outcome, io: Io, dryRun: boolean): void {
  const { problems, gaps, given, registry, registrations } = outcome
  for (const problem of problems) io.stdout(`${problem}\n`)
  for (const gap of gaps.slice(0, gapsListed)) io.stdout(`gap: ${gap}\n`)
  if (gaps.length > gapsListed) io.stdout(`gap: and ${gaps.length - gapsListed} more\n`)
  if (registry === undefined || problems.length > 0) {
    io.stdout(`nothing imported: ${problems.length} problem${problems.length === 1 ? '' : 's'}\n`)
    return
  }
  const counts = kinds.filter((kind) => given[kind] > 0).map((kind) => `${given[kind]} ${kind}`)
  const { users } = registry
  io.stdout(
    `${dryRun ? 'would import' : 'imported'} ${counts.join(', ') || 'nothing'}; ` +
      `registry: ${users.length} users, ${registry.deviceCount()} devices, ${registrations} registrations\n`,
  )
}

async function runImport(options: Options, io: Io, readers: FileReaders): Promise<number> {
  const paths = stateOption(options)
  const files = (options.argument as string[] | undefined) ?? []
  if (files.length === 0) throw new CommandError(exitCode.usage, 'name one or more CSV or JSON files')
  const dryRun = options.dryRun === true
  const isGood = ({ problems, gaps }: Outcome) => problems.length === 0 && !(options.strict === true && gaps.length > 0)
  const look = () => prepare(paths, files, options.merge === true, readers)
  const outcome = dryRun
    ? look()
    : changeRegistry(paths, (change) => {
        const found = look()
        if (isGood(found)) change.commit(found.text)
        return found
      })
  const { problems, gaps, given, registry, registrations } = outcome
  const good = isGood(outcome)
  if (options.json === true) {
    const counts = registry && { users: registry.users.length, devices: registry.deviceCount(), registrations }
    io.stdout(`${JSON.stringify({ ok: good, dryRun, given, registry: good ? counts : undefined, problems, gaps })}\n`)
  } else {
    say(outcome, io, dryRun || !good)
    if (problems.length === 0 && !good) io.stdout('nothing imported: --strict allows no gaps\n')
  }
  return good ? exitCode.ok : problems.length > 0 ? exitCode.usage : exitCode.failed
}

/** The command; `main.ts` gives it the readers of files. */
export function importCommand(readers: FileReaders): Command {
  return {
    name: 'import',
    argument: '<files...>',
    summary: 'import Users, devices and registrations from CSV or JSON files into the registry: all of them or none',
    options: [
      ['--merge', 'add rows, or replace rows with the same key; without it a file replaces all rows of its kind'],
      ['--dry-run', 'show what would be imported and what is wrong; change nothing'],
      ['--strict', 'refuse registrations with gaps: days on which an MPAN has no supplier or no MDR'],
      ['--json', 'counts, problems and gaps as JSON'],
      ['--state <dir>', 'the state directory', '.smets1'],
    ],
    examples: ['smets1 import users.csv devices.csv registrations.csv', 'smets1 import --merge change-of-mdr.csv'],
    run: (options, io) => runImport(options, io, readers),
  }
}
