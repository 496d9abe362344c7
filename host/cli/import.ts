// smets1 import: Users, devices and registrations from CSV or JSON, all or nothing. A running bridge reads them.

import { existsSync, readFileSync, statSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import { eachImportRow, kinds, type ReadCsv, type TakeRow } from '../access/import-rows.ts'
import type { ImportOutcome } from '../http/control/controlled.ts'
import { importRegistry } from '../runtime/import-registry.ts'
import { CommandError, exitCode } from '../state/errors.ts'
import { type Command, type Io, type Options, stateOption } from './command.ts'
import { progressOf } from './progress.ts'

const fileBytesMax = 400 * 1024 * 1024
/** Files of more than this go into the store at once, not into `registry.json`. */
const fileImportBytesMax = 2 * 1024 * 1024
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
function takeCertificate(
  row: { [name: string]: unknown } | null,
  place: string,
  path: string,
  problems: string[],
): void {
  const { certificate } = row ?? {}
  if (row === null || typeof certificate !== 'string' || certificate.startsWith('-----BEGIN')) return
  try {
    row.certificate = readFileSync(resolve(dirname(path), certificate), 'utf8')
  } catch (error) {
    problems.push(`${place} certificate: ${(error as Error).message}`)
    delete row.certificate
  }
}

function say({ problems, gaps, given, registry, ok, dryRun }: ImportOutcome, io: Io): void {
  for (const problem of problems) io.stdout(`${problem}\n`)
  for (const gap of gaps.slice(0, gapsListed)) io.stdout(`gap: ${gap}\n`)
  if (gaps.length > gapsListed) io.stdout(`gap: and ${gaps.length - gapsListed} more\n`)
  if (registry === undefined || problems.length > 0) {
    io.stdout(`nothing imported: ${problems.length} problem${problems.length === 1 ? '' : 's'}\n`)
    return
  }
  const counts = kinds.filter((kind) => given[kind] > 0).map((kind) => `${given[kind]} ${kind}`)
  const { users, devices, registrations } = registry
  io.stdout(
    `${dryRun || !ok ? 'would import' : 'imported'} ${counts.join(', ') || 'nothing'}; ` +
      `registry: ${users} users, ${devices} devices, ${registrations} registrations\n`,
  )
  if (!ok) io.stdout('nothing imported: --strict allows no gaps\n')
}

async function runImport(options: Options, io: Io, readers: FileReaders): Promise<number> {
  const paths = stateOption(options)
  const files = (options.argument as string[] | undefined) ?? []
  if (files.length === 0) throw new CommandError(exitCode.usage, 'name one or more CSV or JSON files')
  const read = (problems: string[], take: TakeRow) => {
    for (const path of files) {
      eachImportRow({ name: path, text: readText(path, readers) }, readers.readCsv, problems, (kind, row, place) => {
        if (kind === 'users') takeCertificate(row, place, path, problems)
        take(kind, row, place)
      })
    }
  }
  const bytes = files.reduce((sum, path) => sum + (existsSync(path) ? statSync(path).size : 0), 0)
  const source = { read, isLarge: bytes > fileImportBytesMax, progress: progressOf(io, 'rows') }
  const [merge, dryRun, strict] = [options.merge === true, options.dryRun === true, options.strict === true]
  const outcome = await importRegistry(paths, source, { merge, dryRun, strict })
  const { ok, problems, gaps, given } = outcome
  if (options.json === true) {
    const registry = ok ? outcome.registry : undefined
    io.stdout(`${JSON.stringify({ ok, dryRun, given, registry, problems, gaps })}\n`)
  } else say(outcome, io)
  return ok ? exitCode.ok : problems.length > 0 ? exitCode.usage : exitCode.failed
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
