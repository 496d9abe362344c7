// The schedules in the store: their timetable, and what a version without one left.

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import {
  openScheduleStore,
  type Schedule,
  type ScheduleTables,
  scheduleTables,
} from '../../../host/schedule/schedule-store.ts'
import { createMemoryStore, type Store } from '../../../host/store/store.ts'
import { dayMs } from '../../../protocol/half-hour.ts'

const owner = '90-B3-D5-1F-30-01-00-09'

const schedule = (id: number, nextDay = 20_000 + id): Schedule => ({
  id,
  owner,
  role: 'MDR',
  schemaVersion: '5.1',
  details: {
    frequency: 'Daily',
    startDay: 20_000,
    serviceReference: '4.8',
    variant: '4.8.1',
    deviceEui: `00-DB-12-34-56-78-90-0${id % 3}`,
    readName: 'DSPReadActiveImportProfileData',
  },
  createdMs: 1,
  nextDay,
  runs: [],
})

function opened(store: Store<ScheduleTables>, atMs = 0) {
  let next = 100n
  return openScheduleStore({
    store,
    nextId: async () => ++next,
    wakeMs: ({ nextDay }) => (nextDay === undefined ? undefined : nextDay * dayMs + atMs),
  })
}

test('schedules of a version without a timetable are taken over; other settings move them', async () => {
  const store = createMemoryStore(scheduleTables)
  for (const id of [1, 2, 3, 4]) await store.put('schedules', `${id}`.padStart(13, '0'), schedule(id, 20_010 - id))
  await opened(store).prepare('a')
  assert.equal(
    [...opened(store).times('')].map(({ id, atMs }) => [id, atMs]),
    [4, 3, 2, 1].map((id) => [id, (20_010 - id) * dayMs]),
  )
  assert.equal(
    opened(store)
      .of('00-DB-12-34-56-78-90-01', owner)
      .map(({ id }) => id),
    [1, 4],
  )
  await opened(store, 5).prepare('b')
  assert.equal(
    [...opened(store).times('')].map(({ atMs }) => atMs % dayMs),
    [5, 5, 5, 5],
  )
  assert.is(store.count('scheduleTimes'), 5)
})

test('what is saved moves in the timetable, also to the year 9999; what is removed leaves nothing', async () => {
  const store = createMemoryStore(scheduleTables)
  const schedules = opened(store)
  const { id: _, runs: __, ...fields } = schedule(1)
  const made = await schedules.add(fields)
  assert.ok(made !== 'full')
  assert.is(schedules.get(made.id), made, 'it is the same object')
  made.nextDay = Date.UTC(9999, 11, 31) / dayMs
  made.runs.push({ day: 1, dueMs: 1, counter: '1', tries: 0, nextTryMs: 1 })
  await schedules.save(made)
  const other = await schedules.add({ ...fields, nextDay: 5 })
  assert.equal(
    [...schedules.times('')].map(({ id }) => id),
    [102, 101],
  )
  assert.equal([...schedules.withRuns()], [made])
  const going = schedules.remove(made.id)
  assert.is(schedules.get(made.id), undefined)
  await going
  if (other !== 'full') await schedules.remove(other.id)
  for (const table of ['schedules', 'scheduleOwners', 'scheduleRuns', 'scheduleTimes'] as const)
    assert.is(store.count(table), 0, table)
})

test.run()
