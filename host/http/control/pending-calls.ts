// Calls for responses that their Users have not taken yet: what `smets1 pending` does.

import { pendingRow } from '../../delivery/pending-row.ts'
import { type Call, CallError, call } from './call.ts'
import type { Controlled } from './controlled.ts'
import { instant, listOf, object, oneOf, page, text, whole } from './shape.ts'

const count = whole(0, Number.MAX_SAFE_INTEGER)
const id = text({ description: 'RequestID that it answers; of an alert its ResponseID' })
const row = {
  id,
  user: text(),
  url: text(),
  tries: count,
  state: text(),
  lastProblem: text(),
  created: instant,
  bytes: count,
}

const none = (wanted: string) => new CallError(404, `no response ${wanted} waits: GET /pending lists them`)

function rowNamed({ bridge }: Controlled, wanted: string) {
  const entry = bridge.delivery.pending().find((one) => one.id === wanted.toUpperCase())
  if (entry === undefined) throw none(wanted)
  return pendingRow(entry.id, entry)
}

export const pendingCalls: readonly Call[] = [
  call({
    name: 'pending',
    method: 'GET',
    path: '/pending',
    scope: 'read',
    summary: 'responses that their Users have not taken yet, the oldest first, as `smets1 pending --json` prints them',
    input: object({}, { ...page, state: oneOf(['waiting', 'refused', 'given up']) }),
    output: object({ total: count, pending: listOf(object(row)) }),
    run({ bridge }, { limit = 100, offset = 0, state }) {
      const found = bridge.delivery.pending().filter((one) => state === undefined || one.state === state)
      return { total: found.length, pending: found.slice(offset, offset + limit).map((one) => pendingRow(one.id, one)) }
    },
  }),
  call({
    name: 'pending-print',
    method: 'GET',
    path: '/pending/{id}',
    scope: 'read',
    summary: 'one of them with its XML, as `smets1 pending --print` prints it',
    isPersonal: () => true,
    input: object({ id }),
    output: object({ ...row, xml: text({ maxLength: 16_777_216 }) }),
    run(controlled, { id: wanted }) {
      const found = rowNamed(controlled, wanted)
      const xml = controlled.bridge.delivery.read(found.id)
      if (xml === undefined && found.bytes > 0) throw new CallError(409, `${found.id} is being written: ask again`)
      if (xml === undefined) throw new CallError(409, `the content of ${found.id} is destroyed`)
      return { ...found, xml }
    },
  }),
  call({
    name: 'pending-retry',
    method: 'POST',
    path: '/pending/{id}/retry',
    scope: 'operate',
    summary: 'send a response again now, also one that was refused',
    input: object({ id }),
    output: object({ retried: text() }),
    async run(controlled, { id: wanted }) {
      const found = rowNamed(controlled, wanted)
      if (!(await controlled.bridge.delivery.retry(found.id)))
        throw new CallError(409, `the content of ${found.id} is destroyed: it cannot be sent again`)
      return { retried: found.id }
    },
  }),
  call({
    name: 'pending-discard',
    method: 'DELETE',
    path: '/pending/{id}',
    scope: 'operate',
    summary: 'remove a response; it is never sent',
    input: object({ id }),
    output: object({ discarded: text() }),
    async run({ bridge }, { id: wanted }) {
      const discarded = wanted.toUpperCase()
      if (!(await bridge.delivery.discard(discarded))) throw none(wanted)
      return { discarded }
    },
  }),
  call({
    name: 'pending-confirm-clock',
    method: 'POST',
    path: '/pending/confirm-clock',
    scope: 'operate',
    summary: "this machine's clock is right although it went forward by more than a day at once",
    input: object({}),
    output: object({ confirmed: count }),
    async run({ bridge }) {
      await bridge.delivery.confirmAge()
      return { confirmed: 1 }
    },
  }),
]
