// What the control calls work on: a running bridge and what stands beside it.

import type { BridgeEnv } from '../../bridge/env.ts'
import type { Bridge } from '../../bridge/start-bridge.ts'
import type { BridgeConfig } from '../../config/config.ts'
import type { FeedAnswer } from '../../feed/message.ts'
import type { ControlledClock } from './controlled-clock.ts'
import type { Faults } from './fault-rule.ts'
import type { MessageLog } from './message-log.ts'

/** A row of the registry as JSON. */
export type Row = { [name: string]: unknown }

/** A User to be added, with the fields of its row in the registry. */
export interface NewUser {
  name: string
  roles: string[]
  /** Needed for every role but OU. */
  mpid?: string
  /** That of its certificate, or a new one, unless given. */
  eui?: string
  /** Certificate in PEM of a key that somebody else has; without it, key and certificate are made. */
  certificate?: string
  callback?: string
  allowHttpCallback?: boolean
  /** Authority in PEM of its https callback. */
  callbackCa?: string
}

export interface AddedUser {
  name: string
  eui: string
  /** Files that were made, unless the certificate was given. */
  key?: string
  certificate?: string
}

export interface RemovedUser {
  removed: string
  /** The market participant for which no User acts now, and its registrations, which stay. */
  mpid?: string
  registrations: number
}

export interface ImportOptions {
  /** Rows are added, or replace those with the same key; else they replace all of their kind. */
  merge?: boolean
  /** Nothing is changed. */
  dryRun?: boolean
  /** Registrations with gaps are refused. */
  strict?: boolean
}

export interface ImportOutcome {
  ok: boolean
  dryRun: boolean
  given: { users: number; devices: number; registrations: number }
  /** How many there are now. */
  registry?: { users: number; devices: number; registrations: number }
  problems: string[]
  gaps: string[]
}

/** The registry's file and the keys beside it. Changes are in force when a call returns. */
export interface RegistryFiles {
  /** @throws CommandError naming the field that is wrong */
  addUser(user: NewUser): Promise<AddedUser>
  /** @throws CommandError */
  removeUser(name: string): Promise<RemovedUser>
  importRows(
    rows: { users?: Row[]; devices?: Row[]; registrations?: Row[] },
    options: ImportOptions,
  ): Promise<ImportOutcome>
  /** Signs a DUIS document as a User whose key is here. @throws CommandError */
  signAs(name: string, xml: string): string
}

/** Begins a new life; resolves when it has begun. */
export type Reset = () => Promise<{
  /** Counts the resets since the start. */
  reset: number
  /** How long it took, milliseconds of real time. */
  tookMs: number
  /** The clock of the new life, ISO 8601. */
  now: string
}>

/** What stands beside the bridge on this bench; a call for what is absent answers 409. */
export interface ControlParts {
  registryFiles?: RegistryFiles
  /** Applies registration messages. */
  feed?: { apply(messages: readonly unknown[]): Promise<FeedAnswer[]> }
  faults?: Faults
  /** Absent in real time. */
  clock?: ControlledClock
  reset?: Reset
}

export interface Controlled extends ControlParts {
  bridge: Pick<Bridge, 'delivery' | 'schedules' | 'served' | 'receive' | 'setMeterClock'>
  env: Pick<BridgeEnv, 'timing' | 'disk' | 'parties' | 'log' | 'keys' | 'models'>
  config: BridgeConfig
  messages: MessageLog
  /** When this bridge started, milliseconds of UTC. */
  startedMs: number
}
