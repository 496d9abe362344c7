// 4.1.1 and 4.2: registers as they are, always from the meter.

import { decodeSnapshots, type RegisterSnapshot } from '../../protocol/register-snapshot.ts'
import { exportRegistersPayload, importRegistersPayload } from '../duis/payload.ts'
import { ask } from '../wan/ask.ts'
import type { Conversation } from '../wan/conversation.ts'
import { ReadError } from '../wan/read-error.ts'

/** Every register at this instant. @throws ReadError */
export async function readRegisters(conversation: Conversation): Promise<RegisterSnapshot> {
  const { snapshots } = await ask(conversation, 'readRegisters', {})
  const [snapshot, ...more] = decodeSnapshots(snapshots) ?? []
  if (snapshot === undefined || more.length > 0) {
    throw new ReadError('malformed', `${conversation.eui} sealed something that is not one register snapshot`)
  }
  return snapshot
}

/** SMETSData of 4.1.1, or of 4.2. */
export function registersPayload(variant: string, { registers }: RegisterSnapshot): string {
  const [importWh, exportWh, importVarh, exportVarh] = registers as [number, number, number, number]
  return variant === '4.2'
    ? exportRegistersPayload({ activeWh: exportWh, reactiveVarh: exportVarh })
    : importRegistersPayload({ activeWh: importWh, reactiveVarh: importVarh })
}
