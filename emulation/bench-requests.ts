// Signed requests of a bench's Users.

import type { User } from '../host/access/parties.ts'
import { srvRow, srvTable } from '../host/catalogue/srv-table.ts'
import { bodyRow } from '../host/duis/bodies.ts'
import { formatRequest, type ReadFields } from '../host/duis/format.ts'
import { requestIdOf } from '../host/duis/request.ts'
import { signDocument } from '../host/duis/sign.ts'
import { CommandError, exitCode } from '../host/state/errors.ts'
import { dayMs } from '../protocol/half-hour.ts'
import type { ReadOptions } from './bench-api.ts'
import { esme } from './bench-parties.ts'
import { instantMs } from './instants.ts'
import type { SimulatedPki } from './simulated-env.ts'
import type { VirtualClock } from './virtual-clock.ts'

export interface SignedRequest {
  xml: string
  /** RequestID in upper case. */
  id: string
}

/** What a request's body says. @throws CommandError */
function fieldsOf(srv: string, options: ReadOptions, nowMs: number): ReadFields {
  const fields: ReadFields = options.forSettlement === true ? { forSettlement: true } : {}
  if (options.executionAt !== undefined) fields.executionMs = instantMs(options.executionAt, 'executionAt')
  const today = Math.floor(nowMs / dayMs) * dayMs
  if (bodyRow(srvRow(srv)?.bodyName ?? '')?.kind === 'log') {
    const startMs = instantMs(options.from ?? today - dayMs, 'from')
    fields.period = { startMs, endMs: instantMs(options.to ?? today, 'to') }
  } else if (options.from !== undefined || options.to !== undefined) {
    throw new CommandError(exitCode.usage, `${srv} reads registers as they are: it takes no from and to`)
  }
  return fields
}

/** Makes signed requests, with counters that increase. */
export function createRequests(clock: VirtualClock, pki: SimulatedPki, userOf: (name: string) => User) {
  let counter = 0n
  /** @throws CommandError */
  return (srv: string, options: ReadOptions): SignedRequest => {
    const row = srvRow(srv)
    if (row === undefined || row.endpoint !== 'serviceS' || !row.handled) {
      const reads = srvTable.filter(({ endpoint, handled }) => endpoint === 'serviceS' && handled)
      const known = reads.map(({ variant }) => variant).join(', ')
      throw new CommandError(exitCode.usage, `${srv} is no read of a device; there are ${known}`)
    }
    const user = userOf(options.as ?? 'supplier')
    const now = BigInt(Math.floor(clock.nowMs()))
    counter = counter < now ? now : counter + 1n
    const requestId = requestIdOf(user.eui, esme, counter)
    const body = { ...fieldsOf(srv, options, clock.nowMs()), requestId, serviceReferenceVariant: srv }
    return { xml: signDocument(formatRequest(body), pki.identity(user.name).signer), id: requestId.text.toUpperCase() }
  }
}
