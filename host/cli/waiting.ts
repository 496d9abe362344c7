// smets1 waiting: accepted requests that wait for their execution time or their window, and schedules that wait to try again.

import { existsSync } from 'node:fs'
import { parseRequest } from '../duis/parse.ts'
import { readStoredRequest, type StoredRequest } from '../requests/accepted-request.ts'
import { bodyOf } from '../requests/accepted-store.ts'
import { readSchedule, type Schedule } from '../schedule/schedule-store.ts'
import { exitCode } from '../state/errors.ts'
import { readKeyFile } from '../store/key-slots.ts'
import { openLmdbStore } from '../store/lmdb.ts'
import { readText } from '../store/row-reader.ts'
import { type Command, stateOption } from './command.ts'
import { stamp } from './show.ts'

interface Waiting {
  /** RequestID, or the schedule and its owner. */
  what: string
  srv: string
  untilMs: number
  why: 'its execution time' | 'its window' | 'its next try'
  /** Since when its target response time runs. */
  sinceMs: number
}

function requestRow(id: string, stored: StoredRequest, key: (slot: number) => Uint8Array): Waiting | undefined {
  const { receivedMs, executionMs, windowMs } = stored
  const untilMs = windowMs ?? executionMs
  if (untilMs === undefined) return undefined
  const parsed = parseRequest(bodyOf(id, stored, key) ?? new Uint8Array(0))
  const srv = parsed.ok ? parsed.request.serviceReferenceVariant : ''
  const why = windowMs === undefined ? 'its execution time' : 'its window'
  return { what: id, srv, untilMs, why, sinceMs: executionMs ?? receivedMs }
}

function scheduleRows({ id, owner, details, runs }: Schedule): Waiting[] {
  return runs
    .filter(({ tries }) => tries > 0)
    .map(({ dueMs, nextTryMs, tries }) => ({
      what: `schedule ${id} of ${owner} to ${details.deviceEui}, ${tries} tries`,
      srv: details.variant,
      untilMs: nextTryMs,
      why: 'its next try',
      sinceMs: dueMs,
    }))
}

export const waitingCommand: Command = {
  name: 'waiting',
  summary: 'list accepted requests that wait for their execution time or window, and schedules that wait to try again',
  options: [
    ['--json', 'the list as JSON'],
    ['--state <dir>', 'the state directory', '.smets1'],
  ],
  examples: ['smets1 waiting'],
  async run(options, io) {
    const paths = stateOption(options)
    const list: Waiting[] = []
    if (existsSync(paths.store)) {
      const store = openLmdbStore(paths.store, {
        accepted: readStoredRequest,
        schedules: readSchedule,
        scheduleRuns: readText,
      })
      const keyOf = readKeyFile(paths.requestKeys)
      for (const { key, value } of store.range('accepted', '', '\uffff'))
        list.push(...[requestRow(key, value, keyOf) ?? []].flat())
      for (const { key } of store.range('scheduleRuns', '', '\uffff')) {
        const schedule = store.get('schedules', key)
        if (schedule !== undefined) list.push(...scheduleRows(schedule))
      }
      await store.close()
    }
    list.sort((a, b) => a.untilMs - b.untilMs)
    if (options.json === true) {
      const rows = list.map(({ untilMs, sinceMs, ...row }) => ({
        ...row,
        until: stamp(untilMs),
        since: stamp(sinceMs),
      }))
      io.stdout(`${JSON.stringify(rows)}\n`)
    } else if (list.length === 0) io.stdout('nothing waits\n')
    else {
      for (const { what, srv, untilMs, why, sinceMs } of list) {
        io.stdout(`${stamp(untilMs)} ${why}: ${srv}, since ${stamp(sinceMs)}\n  ${what}\n`)
      }
    }
    return exitCode.ok
  },
}
