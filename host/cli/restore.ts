// smets1 restore: a backup put in place of a state directory, or a store brought up to its audit trail.

import { resolve } from 'node:path'
import { holdState } from '../runtime/hold-state.ts'
import { catchUpState, type Restored, restoreState } from '../runtime/restore-state.ts'
import { systemTiming } from '../runtime/system-timing.ts'
import { CommandError, exitCode } from '../state/errors.ts'
import { type StatePaths, statePaths } from '../state/state-directory.ts'
import { type Command, type Io, stateOption, textOption } from './command.ts'
import { nowIn } from './now-in.ts'

function show(restored: Restored, io: Io): void {
  const { fromSeq, seq, requestIds, closed, lost, undelivered, scheduleChanges, rotated, before, unknownSince } =
    restored
  const records = seq < fromSeq ? 'no record' : `records ${fromSeq} to ${seq}`
  io.stdout(`restored; ${requestIds} used RequestIDs were taken from ${records} of the audit trail\n`)
  if (before !== undefined) io.stdout(`the state directory of before is ${before}\n`)
  if (closed > 0) io.stdout(`${closed} requests were answered already, and are not answered again\n`)
  for (const id of [...lost, ...undelivered]) io.stdout(`${id}: its response is lost, its User must ask again\n`)
  if (scheduleChanges > 0)
    io.stdout(`${scheduleChanges} answers about schedules are newer than the store: its schedules may be out of date\n`)
  for (const eui of rotated)
    io.stdout(`${eui}: its key was changed since; if it is the backup's, provision the meter's key again\n`)
  if (unknownSince !== undefined)
    io.stdout(`RequestIDs that were used after ${unknownSince} are not known and would be accepted again\n`)
}

/** Calls `act` while no bridge uses the state directory. @throws ConfigurationError naming the process that does */
async function whileHeld<T>(paths: StatePaths, act: (paths: StatePaths) => Promise<T>): Promise<T> {
  const hold = holdState(paths)
  try {
    return await act(paths)
  } finally {
    hold.release()
  }
}

export const restoreCommand: Command = {
  name: 'restore',
  argument: '[backup]',
  summary: 'put a backup in place of the state directory, or without one bring its store up to its audit trail',
  options: [
    ['--trail <dir>', 'the newest audit trail that survives (the one in the state directory unless given)'],
    ['--accept-unknown', 'restore although RequestIDs used since the backup are not known'],
    ['--json', 'what was restored as JSON'],
    ['--state <dir>', 'the state directory', '.smets1'],
  ],
  examples: [
    'smets1 restore /backups/smets1-2026-11-22',
    'smets1 restore /backups/smets1-2026-11-22 --trail /mnt/saved/audit',
    'smets1 restore',
  ],
  async run(options, io) {
    const backup = textOption(options, 'argument')
    const trail = textOption(options, 'trail')
    const own = statePaths(textOption(options, 'state') ?? '.smets1')
    const from = backup === undefined ? own : statePaths(backup)
    // Records of what is restored have the time of its own clock.
    const parts = { timing: { ...systemTiming, nowMs: () => nowIn(from) }, env: io.env }
    if (backup === undefined && trail !== undefined)
      throw new CommandError(exitCode.usage, '--trail goes with a backup: smets1 restore BACKUP --trail DIR')
    const restored: Restored =
      backup === undefined
        ? await whileHeld(stateOption(options), (paths) => catchUpState(paths, parts))
        : await restoreState(
            own,
            {
              backup: resolve(backup),
              trail: trail === undefined ? undefined : resolve(trail),
              acceptUnknown: options.acceptUnknown === true,
            },
            parts,
          )
    if (options.json === true) io.stdout(`${JSON.stringify(restored)}\n`)
    else show(restored, io)
    return exitCode.ok
  },
}
