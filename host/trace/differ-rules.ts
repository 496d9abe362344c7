// Fields that differ between two answers to the same ask by nature; a comparison leaves them out and names them.

import type { MessageName } from '../../protocol/messages.ts'

export interface Rule {
  name: MessageName
  /** Field names; that of `registers[0]` is `registers`. */
  fields: readonly string[]
  why: string
  /** The rule applies between two meters only: one meter must answer as before. */
  ofTwo?: true
}

export const differRules: readonly Rule[] = [
  { name: 'readClock', fields: ['utcMs'], why: 'time passes' },
  { name: 'readClock', fields: ['lastSetMs', 'driftPpm'], why: 'each meter has its own clock', ofTwo: true },
  { name: 'setClock', fields: ['stepMs'], why: 'time passes' },
  { name: 'readRegisters', fields: ['atSeconds'], why: 'time passes' },
  { name: 'readRegisters', fields: ['registers', 'matrix'], why: 'registers increase' },
  { name: 'takeBilling', fields: ['number'], why: 'entries are counted' },
  { name: 'writeSettings', fields: ['version'], why: 'versions are counted' },
  { name: 'selfTest', fields: ['framesDropped', 'notOpened'], why: 'counted since the start' },
  { name: 'readEvents', fields: ['atSeconds', 'value'], why: 'each meter has its own past', ofTwo: true },
  { name: 'readInventory', fields: ['eui'], why: 'each meter has its own identity', ofTwo: true },
]

/** Not in any open message, and different in every session. */
export const alwaysDiffers = 'nonces, boot, session, counters (each session has its own)'

/** Why a field is left out; `undefined` when it is compared. */
export function whyLeftOut(name: MessageName, field: string, twoMeters: boolean): string | undefined {
  const plain = field.replace(/\[.*/, '')
  return differRules.find(
    (rule) => rule.name === name && rule.fields.includes(plain) && (twoMeters || rule.ofTwo !== true),
  )?.why
}
