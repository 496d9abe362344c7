// smets1 audit: the service audit trail, picked and checked. The bridge may run meanwhile.

import { randomBytes } from 'node:crypto'
import type { ChainPoint } from '../audit/audit-record.ts'
import { dspKeys, withTrailNotes } from '../audit/open-notes.ts'
import { recordsOf } from '../audit/read-trail.ts'
import { resetTrail } from '../audit/reset-trail.ts'
import { createSelector, type Selection, textOf, wantedFor } from '../audit/select.ts'
import { readTrailRow } from '../audit/trail-notes.ts'
import { TrailError } from '../audit/trail-start.ts'
import { verifyTrail } from '../audit/verify-trail.ts'
import { readConfig } from '../config/config.ts'
import { parseEui } from '../duis/request.ts'
import { signingToolOf } from '../pki/open-signing-tool.ts'
import { loadIdentity } from '../pki/test-pki.ts'
import { holdState } from '../runtime/hold-state.ts'
import { migrateStore } from '../runtime/migrate-store.ts'
import { loadRegistry } from '../runtime/state-registry.ts'
import { systemTiming } from '../runtime/system-timing.ts'
import { CommandError, exitCode } from '../state/errors.ts'
import type { StatePaths } from '../state/state-directory.ts'
import { openLmdbStore } from '../store/lmdb.ts'
import { type Command, type Io, type Options, stateOption, textOption } from './command.ts'
import { euiOption, instantOption, userOption } from './request-options.ts'

function anchorOption(options: Options): ChainPoint | undefined {
  const text = textOption(options, 'anchor')
  if (text === undefined) return undefined
  const match = /^(\d{1,15}):([0-9a-f]{64})$/.exec(text)
  if (match === null)
    throw new CommandError(exitCode.usage, `--anchor is NUMBER:SHA256 as --verify prints it, not ${text}`)
  return { seq: Number(match[1]), hash: match[2]! }
}

async function verify(paths: StatePaths, options: Options, io: Io): Promise<number> {
  const anchor = anchorOption(options)
  const keys = dspKeys(paths)
  const verdict = await withTrailNotes(paths, (notes) => verifyTrail(paths.audit, { anchor, notes, keys }))
  const { ok, files, records, head, problem, unfinishedBytes } = verdict
  const unfinished =
    unfinishedBytes > 0
      ? `; ${unfinishedBytes} bytes of an unfinished batch behind it (the next start cuts them off)`
      : ''
  if (options.json === true) io.stdout(`${JSON.stringify({ ...verdict, head: `${head.seq}:${head.hash}` })}\n`)
  else if (ok) io.stdout(`intact: ${records} records in ${files} files, end ${head.seq}:${head.hash}${unfinished}\n`)
  else io.stdout(`broken: ${problem}\n  good up to ${head.seq}:${head.hash}, ${records} records\n`)
  return ok ? exitCode.ok : exitCode.failed
}

/** Begins a new trail in place of a damaged one. @throws CommandError when the trail can be continued */
async function reset(paths: StatePaths, why: string, io: Io): Promise<number> {
  const tool = await signingToolOf(readConfig(paths.config, io.env, {}))
  const { key } = (tool?.dsp ?? loadIdentity(paths.pki, 'dsp')).signer
  const hold = holdState(paths)
  await migrateStore(paths, randomBytes, Date.now())
  const store = openLmdbStore(paths.store, { trail: readTrailRow })
  try {
    const report = (problem: string) => io.stderr(`${problem}\n`)
    const parts = { directory: paths.audit, timing: systemTiming, store, key, report }
    const { problem, movedTo } = await resetTrail(parts, why)
    io.stdout(`a new audit trail begins; the old one is ${movedTo ?? 'not there'}\n  ${problem}\n`)
    return exitCode.ok
  } catch (error) {
    if (error instanceof TrailError || error instanceof RangeError)
      throw new CommandError(exitCode.failed, error.message)
    throw error
  } finally {
    await store.close()
    hold.release()
  }
}

function selectionOf(paths: StatePaths, options: Options): Selection {
  const eui = euiOption(options, 'device')
  // An EUI-64 may be that of somebody whom the registry does not know, or no longer.
  const party = (name: string) => {
    const text = textOption(options, name)
    return text && (parseEui(text) ?? userOption({ as: text }, loadRegistry(paths)).eui)
  }
  const user = party('user')
  const as = party('as')
  const srv = textOption(options, 'srv')
  return {
    ...(eui !== undefined && { device: eui }),
    ...(user !== undefined && { user }),
    ...(as !== undefined && { as }),
    ...(srv !== undefined && { srv }),
    fromMs: instantOption(options, 'from', Number.NEGATIVE_INFINITY),
    toMs: instantOption(options, 'to', Number.POSITIVE_INFINITY),
  }
}

export const auditCommand: Command = {
  name: 'audit',
  summary: 'show or verify the service audit trail: requests, decisions and responses',
  options: [
    'Which records',
    ['--as <user>', 'only what this User may see: requests that it signed'],
    ['--user <user>', 'requests in the name of this User: its name, or an EUI-64'],
    ['--device <eui>', 'requests to this meter, and rotations of its key'],
    ['--srv <variant>', 'requests with this service request variant'],
    ['--from <when>', 'recorded at or after this: a date (00:00 UTC) or an instant'],
    ['--to <when>', 'recorded before this'],
    'Verification',
    ['--verify', 'check the chain, the seals and the notes in the store; exit code 0 if intact, 1 if broken'],
    ['--anchor <point>', 'NUMBER:SHA256 that an earlier --verify printed: the chain must contain it'],
    'A damaged trail',
    ['--reset <why>', 'begin a new trail, with a record of why; the old one is kept under another name'],
    'Output and state',
    ['--json', 'one JSON object a line, as recorded; with --verify one object'],
    ['--state <dir>', 'the state directory', '.smets1'],
  ],
  examples: ['smets1 audit --as mdr --from 2026-11-21', 'smets1 audit --verify'],
  async run(options, io) {
    const paths = stateOption(options)
    if (options.verify === true) return verify(paths, options, io)
    const why = textOption(options, 'reset')
    if (why !== undefined) return reset(paths, why, io)
    const selection = selectionOf(paths, options)
    const select = createSelector(selection)
    for await (const record of recordsOf(paths.audit, wantedFor(selection))) {
      const shown = select(record)
      if (shown === undefined) continue
      io.stdout(options.json === true ? `${JSON.stringify(shown)}\n` : `${textOf(shown)}\n`)
    }
    return exitCode.ok
  },
}
