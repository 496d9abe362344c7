// smets1 schedule: creates, lists and deletes DCC schedules as a User (5.1, 5.2, 5.3).

import { scheduleLimits } from '../duis/non-device-fields.ts'
import { readScheduleId, readSchedules } from '../duis/read-non-device.ts'
import { daysAgoMax, type NewSchedule, scheduleDetails } from '../schedule/new-schedule.ts'
import { scheduleRow } from '../schedule/schedule-row.ts'
import { CommandError, exitCode } from '../state/errors.ts'
import { type Command, type Io, kebab, type Options, textOption, wholeOption } from './command.ts'
import { type DccAnswer, type DccClient, dccClient, dccOptions, showAnswer } from './dcc-client.ts'

/** What the options say of a new schedule. @throws CommandError */
function newSchedule(options: Options): NewSchedule {
  const text = (name: string) => textOption(options, name)
  return {
    srv: text('srv'),
    frequency: text('frequency'),
    start: text('start'),
    end: text('end'),
    at: text('at'),
    fromDaysAgo: wholeOption(options, 'fromDaysAgo', 0, daysAgoMax),
    fromTime: text('fromTime'),
    toDaysAgo: wholeOption(options, 'toDaysAgo', 0, daysAgoMax),
    toTime: text('toTime'),
  }
}

/** `--id`, or all for a device. */
function subjectOf(options: Options, client: DccClient) {
  const scheduleId = wholeOption(options, 'id', 0, scheduleLimits.idMax)
  return scheduleId === undefined ? { deviceEui: client.device() } : { scheduleId }
}

async function create(options: Options, client: DccClient, io: Io): Promise<number> {
  const schedule = scheduleDetails(
    newSchedule(options),
    client.device(),
    client.nowMs(),
    (field) => `--${kebab(field)}`,
  )
  const answer = await client.ask({ variant: '5.1', schedule })
  const id = readScheduleId(answer.message)
  return show(answer, client, id === undefined ? [] : [scheduleRow(id, schedule)], options, io)
}

async function list(options: Options, client: DccClient, io: Io): Promise<number> {
  const answer = await client.ask({ variant: '5.2', subject: subjectOf(options, client) })
  const schedules = answer.code === 'I0' ? readSchedules(answer.message) : []
  if (typeof schedules === 'string') throw new CommandError(exitCode.failed, `the answer cannot be read: ${schedules}`)
  return show(
    answer,
    client,
    schedules.map(({ id, details }) => scheduleRow(id, details)),
    options,
    io,
  )
}

async function remove(options: Options, client: DccClient, io: Io): Promise<number> {
  const named = ['id', 'device', 'mpan'].some((name) => options[name] !== undefined)
  if (!named) {
    throw new CommandError(exitCode.usage, 'say which: --id N, or --device EUI or --mpan MPAN for all of a meter')
  }
  const subject = subjectOf(options, client)
  const answer = await client.ask({ variant: '5.3', subject })
  const what = 'scheduleId' in subject ? `schedule ${subject.scheduleId}` : `all for ${subject.deviceEui}`
  if (client.format === 'table' && answer.code.startsWith('I')) io.stdout(`  deleted ${what}\n`)
  return show(answer, client, [], options, io)
}

function show(
  answer: DccAnswer,
  client: DccClient,
  rows: ReturnType<typeof scheduleRow>[],
  options: Options,
  io: Io,
): number {
  return showAnswer(answer, client, rows, options.explain === true, io)
}

const actions: { [name: string]: (options: Options, client: DccClient, io: Io) => Promise<number> } = {
  create,
  list,
  delete: remove,
}

export const scheduleCommand: Command = {
  name: 'schedule',
  argument: '<action>',
  summary: 'create, list or delete DCC schedules as a User (action: create, list, delete)',
  options: [
    'For create',
    ['--srv <variant>', 'service request variant (4.8.1 unless given)'],
    ['--frequency <how>', 'daily (unless given), weekly, monthly, quarterly, half-yearly or yearly'],
    ['--start <date>', 'first day, UTC (tomorrow unless given)'],
    ['--end <date>', 'last day, included (no end unless given)'],
    ['--at <time>', 'time of day, UTC (spread over the scheduling window unless given)'],
    ['--from-days-ago <n>', 'read from this many days before the day of the run, 0 to 400 (1 unless given)'],
    ['--from-time <time>', 'time of day on that day (00:00 unless given)'],
    ['--to-days-ago <n>', 'read to this many days before the day of the run (0 unless given)'],
    ['--to-time <time>', 'time of day on that day (00:00 unless given)'],
    'For list and delete',
    ['--id <n>', 'only the schedule with this number'],
    ...dccOptions,
  ],
  examples: [
    'smets1 schedule create --as mdr --at 01:00',
    'smets1 schedule create --frequency monthly --start 2026-12-31 --from-days-ago 31',
    'smets1 schedule list --as mdr',
    'smets1 schedule delete --as mdr --id 7',
  ],
  async run(options, io) {
    const action = String(options.argument)
    if (!Object.hasOwn(actions, action)) {
      throw new CommandError(exitCode.usage, `schedule does ${Object.keys(actions).join(', ')}, not ${action}`)
    }
    return actions[action]!(options, await dccClient(options, io), io)
  },
}
