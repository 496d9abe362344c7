// Calls that create and delete DCC schedules in the name of a User: signed requests 5.1 and 5.3, as `smets1 schedule` sends.

import type { User } from '../../access/parties.ts'
import { responseCodes } from '../../catalogue/response-code.ts'
import { formatNonDeviceRequest, type NonDeviceRequest } from '../../duis/format-non-device.ts'
import { readScheduleId } from '../../duis/read-non-device.ts'
import { parseResponse, type ServiceResponse } from '../../duis/read-response.ts'
import { requestIdOf } from '../../duis/request.ts'
import { daysAgoMax, scheduleDetails } from '../../schedule/new-schedule.ts'
import { scheduleRow } from '../../schedule/schedule-row.ts'
import { type Call, CallError, call, needed } from './call.ts'
import type { Controlled } from './controlled.ts'
import { anyObject, eui, object, text, whole } from './shape.ts'
import { userNamed } from './state-calls.ts'

/** @throws CallError */
function userOf(controlled: Controlled, name: string): User {
  const user = controlled.env.parties.registry().user(userNamed(controlled, name))
  if (user === undefined) throw new CallError(404, `no User is called ${name}`)
  return user
}

/** The last counter of a request that was made here: several may be made in one millisecond. */
let lastCounter = 0n

/** Asks the DCC in the name of a User. @throws CallError when it refuses */
async function askDcc(controlled: Controlled, user: User, request: NonDeviceRequest): Promise<ServiceResponse> {
  const { env, bridge, registryFiles } = controlled
  const { signAs } = needed(registryFiles, 'this bench has no keys of Users')
  const now = BigInt(Math.floor(env.timing.nowMs()))
  lastCounter = now > lastCounter ? now : lastCounter + 1n
  const requestId = requestIdOf(user.eui, env.keys.dsp.eui, lastCounter)
  const xml = signAs(user.name, formatNonDeviceRequest(requestId, request))
  const answer = await bridge.receive('serviceD', Buffer.from(xml), true, undefined)
  const parsed = parseResponse(Buffer.from(answer.xml))
  if (!parsed.ok) throw new Error(`the bridge sent what is no response: ${parsed.detail}`)
  const { code } = parsed.response
  if (!code.startsWith('E')) return parsed.response
  const why = answer.headers?.['smets1-explain'] ?? responseCodes[code]?.name ?? ''
  throw new CallError(409, `${user.name} gets ${code}: ${why}`)
}

/** The device that is named, or the first of the registry. @throws CallError */
function deviceOf({ env }: Controlled, given: string | undefined): string {
  if (given !== undefined) return given.toUpperCase()
  for (const { eui: first } of env.parties.registry().devices) return first
  throw new CallError(404, 'the registry has no device')
}

const days = whole(0, daysAgoMax)

const scheduleCreate = call({
  name: 'schedule-create',
  method: 'POST',
  path: '/schedules',
  scope: 'operate',
  summary: 'create a DCC schedule as a User (5.1): unless given, its half-hours of yesterday, daily from tomorrow on',
  input: object(
    { as: text({ description: 'name or EUI-64 of the User' }) },
    {
      device: eui,
      srv: text({ default: '4.8.1' }),
      frequency: text({ default: 'daily' }),
      start: text({ description: 'first day, UTC' }),
      end: text({ description: 'last day, UTC' }),
      at: text({ description: 'time of day, UTC: 01:30' }),
      fromDaysAgo: days,
      fromTime: text(),
      toDaysAgo: days,
      toTime: text(),
    },
  ),
  output: anyObject({ description: 'the row of `smets1 schedule list --json`' }),
  async run(controlled, { as, device, ...wanted }) {
    const schedule = scheduleDetails(wanted, deviceOf(controlled, device), controlled.env.timing.nowMs())
    const { message } = await askDcc(controlled, userOf(controlled, as), { variant: '5.1', schedule })
    const id = readScheduleId(message)
    if (id === undefined) throw new Error('the bridge answered 5.1 without a DSPScheduleID')
    return { ...scheduleRow(id, schedule) }
  },
})

const scheduleDelete = call({
  name: 'schedule-delete',
  method: 'DELETE',
  path: '/schedules/{id}',
  scope: 'operate',
  summary: 'delete a DCC schedule in the name of the User that owns it (5.3)',
  input: object({ id: whole(0, Number.MAX_SAFE_INTEGER) }),
  output: object({ deleted: whole(0, Number.MAX_SAFE_INTEGER) }),
  async run(controlled, { id }) {
    const schedule = controlled.bridge.schedules.schedules.get(id)
    if (schedule === undefined) throw new CallError(404, `there is no schedule ${id}`)
    await askDcc(controlled, userOf(controlled, schedule.owner), { variant: '5.3', subject: { scheduleId: id } })
    return { deleted: id }
  },
})

export const scheduleCalls: readonly Call[] = [scheduleCreate, scheduleDelete]
