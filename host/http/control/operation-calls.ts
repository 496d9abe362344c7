// Calls that mend what is wrong: counters that are too high, and a meter's clock.

import { lowerCounter } from '../../access/counter-rows.ts'
import { counterPairs } from '../../access/request-counters.ts'
import { counterMax } from '../../access/used-counters.ts'
import { ReadError } from '../../wan/read-error.ts'
import { type Call, CallError, call } from './call.ts'
import { decimal, eui, flag, object, text, whole } from './shape.ts'
import { userNamed } from './state-calls.ts'

const counterLower = call({
  name: 'counter-lower',
  method: 'POST',
  path: '/counters/lower',
  scope: 'operate',
  summary: 'lower the highest RequestID counter of a User and device, as `smets1 counters --lower` does',
  input: object({
    user: text({ description: 'name or EUI-64' }),
    device: eui,
    mark: text({ pattern: '^(now|[0-9]{1,20})$', description: 'the new highest counter, or `now` in milliseconds' }),
  }),
  output: object(
    { user: text(), target: text(), highest: text(), lowerTo: text(), stillRefused: whole(0, 1e9) },
    { unknownTo: text() },
  ),
  async run(controlled, { user, device, mark }) {
    const { env } = controlled
    const owner = userNamed(controlled, user)
    const target = device.toUpperCase()
    const pairs = [...counterPairs(env.disk.store, { user: owner, target })]
    const nowMs = env.timing.nowMs()
    const to = mark === 'now' ? BigInt(Math.floor(nowMs)) : BigInt(mark)
    if (to > counterMax) throw new CallError(400, `mark is at most ${counterMax}`)
    const { highest, barred, unknownTo } = await lowerCounter(env.disk.store, pairs, to, new Date(nowMs))
    const more = unknownTo === undefined ? {} : { unknownTo: `${unknownTo}` }
    return { user: owner, target, highest: `${highest}`, lowerTo: `${to}`, stillRefused: barred, ...more }
  },
})

const clock = object(
  { driftPpm: decimal(-1e9, 1e9) },
  { aheadMs: whole(-9e15, 9e15, { description: 'absent while the meter has lost the time' }) },
)

const meterClock = call({
  name: 'meter-clock-set',
  method: 'POST',
  path: '/devices/{eui}/clock',
  scope: 'operate',
  summary: "set a meter's clock to the bridge's time in a session of its own; says how it was before",
  input: object({ eui }, { confirmed: flag({ description: 'set it also by more than a day ahead' }) }),
  output: object({ before: clock, now: clock }),
  async run({ env, bridge }, input) {
    const wanted = input.eui.toUpperCase()
    const device = env.parties.registry().device(wanted)
    if (device === undefined) throw new CallError(404, `the registry has no device ${wanted}`)
    const set = await bridge.setMeterClock(device, input.confirmed === true).catch((error: unknown) => {
      throw error instanceof ReadError ? new CallError(409, `${wanted}: ${error.message}`) : error
    })
    const shown = ({ aheadMs, driftPpm }: typeof set.now) => ({ driftPpm, ...(aheadMs !== undefined && { aheadMs }) })
    return { before: shown(set.before), now: shown(set.now) }
  },
})

export const operationCalls: readonly Call[] = [counterLower, meterClock]
