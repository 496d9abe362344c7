// The types of `smets1/testing`.

/// <reference lib="esnext.disposable" preserve="true" />

import type { BridgeConfig } from '../host/config/config.ts'
import type { ClockState } from '../host/http/control/controlled-clock.ts'
import type { Faults } from '../host/http/control/fault-rule.ts'
import type { Duration, Instant } from './instants.ts'
import type { LineFaults } from './line-faults.ts'

export interface StartBenchOptions {
  /** `virtual` (unless given): time moves only as far as a read needs, and when the bench is told. `real`: with the machine's. */
  time?: 'virtual' | 'real'
  /** When a bench on virtual time starts: 2026-11-22T00:10Z unless given. */
  at?: Instant
  /** Days of half-hours in the meter's log at the start, 1 to 400; 10 unless given. */
  days?: number
  /** Seed of the simulated household and of noise on the line, a whole number; 1 unless given. */
  seed?: number
  /** What the meter measures instead of the household, as `bench.meter.load` takes it. */
  load?: BenchReadings
  /** Port of DUIS on 127.0.0.1; 0 (unless given) takes a free one. */
  port?: number
  /** Settings of the bridge, as in config.json, where they differ from the defaults. */
  config?: Partial<BridgeConfig>
}

export type { ClockState } from '../host/http/control/controlled-clock.ts'

/** The clock of a bench. On virtual time it stands when no request is unanswered, unless it is told to move. */
export interface BenchClock {
  /** Milliseconds of UTC since 1970. */
  nowMs(): number
  state(): ClockState
  /**
   * Lets time pass: all that is due runs in order, each at its instant. In real time it waits. No instant is passed while an
   * exchange over HTTP with a User is open.
   * @throws CommandError with exit code 1 when one stays open for 30 s of real time; the clock then stands at that instant
   */
  advance(duration: Duration): Promise<ClockState>
  /** Lets time pass up to an instant. @throws CommandError as `advance` does, and for an instant that has passed */
  to(instant: Instant): Promise<ClockState>
  /** From now on time runs at so many times the speed of real time; 0: it stands. @throws CommandError in real time */
  scale(factor: number): ClockState
  /** Stops the clock, and an advance that is under way. @throws CommandError in real time */
  stop(): ClockState
}

/** A meter, a bridge and Users. Call `close` when it is not needed any more, or declare it with `await using`. */
export interface Bench extends AsyncDisposable {
  /** Where the bridge serves DUIS, `http://127.0.0.1:40123`: POST to `/api/v1/serviceS`, `serviceD`. */
  url: string
  /** Directory with NAME.pem and NAME.key of each User, dsp.pem and s1sp.pem. `close` removes it. */
  pki: string
  clock: BenchClock
  meter: BenchMeter
  line: BenchLine
  /** Rules for what goes wrong with which request, as the control API has them: `add({ effect: 'delay', ms: 5000, srv: '4.8.1' })`. */
  faults: Faults
  /** What the bridge has logged since the start. */
  log: readonly { event: string; [name: string]: unknown }[]
  /**
   * Sends a read as a User (`4.8.1`, `4.8.2`, `4.8.3`, `4.6.1`, `4.1.1`, `4.2`) and waits for the response; on virtual time it moves
   * the clock as far as that needs. A refusal is an answer with its code.
   * @throws CommandError for a read that does not exist, and with exit code 124 when no response is delivered in time
   */
  read(srv: string, options?: ReadOptions): Promise<BenchAnswer>
  /** The same request as signed XML, to be sent by the caller's own client. @throws CommandError */
  request(srv: string, options?: ReadOptions): string
  /** Signs a DUIS document as a User. @throws Error for one that cannot be signed */
  sign(xml: string, as?: string): string
  /** Responses, results of schedules and alerts that were delivered to a User, oldest first. @throws CommandError */
  received(user: string): BenchResponse[]
  /**
   * Adds a User, with key and certificate.
   * @throws ConfigurationError for one that the registry does not accept
   */
  addUser(user: NewUser): { name: string; eui: string }
  /** Sets what a User answers to callbacks from now on: a status such as 503, words for no connection, nothing for normal. */
  answerCallbacks(user: string, answer?: CallbackAnswer): void
  /** Stops the bridge and releases ports and files. Further calls do nothing. */
  close(): Promise<void>
}

export interface BenchMeter {
  /** EUI-64 and import MPAN. */
  eui: string
  mpan: string
  /** Active import register, Wh. @throws Error while the power is off */
  importWh(): number
  /**
   * Gives the meter these readings. Where they begin in the past, the meter is replaced by one that has lived through them, with
   * another key, and the cache is emptied; readings of the future are measured as time passes. Missing half-hours are half-hours
   * without power. @returns how many half-hours have a value, and their sum
   * @throws CommandError naming what cannot be used, and why
   */
  load(readings: BenchReadings, options?: ReadingsOptions): Promise<{ halfHours: number; wh: number }>
  /** Switches the power off: what is not in flash is lost. It stays off until `powerOn`. */
  powerOff(): void
  powerOn(): void
  /** Switches the power off, and on again after a time. @throws CommandError */
  powerCut(length: Duration): void
  /** The meter starts again, as after a power cut of no length. */
  reboot(): void
  /** The meter ignores what comes over the line, until `silent(false)`. */
  silent(isSilent?: boolean): void
  /** From now on the meter's board shows this time, and continues from there. @throws CommandError */
  setClock(to: Instant): void
}

export interface BenchLine {
  /** What happens to bytes in either direction from now on, each a share from 0 to 1; nothing when left out. */
  noise(faults: LineFaults): void
  /** Unplugs the line until `plug`. */
  unplug(): void
  plug(): void
}

/** Half-hours in a row. */
export interface HalfHourValues {
  /** Start of the first half-hour. */
  from: Instant
  /** Wh of active import of each, a whole number from 0 to 16,777,000; null: the meter has no power in it, so it is missing. */
  wh: readonly (number | null)[]
}

/** Path of a file of readings (CSV, JSON, Green Button, NEM12: as `smets1 meter --load` takes), or values. */
export type BenchReadings = string | HalfHourValues

/** How a file is read. */
export interface ReadingsOptions {
  /** Shifts the readings by whole days so that they end with the day before the bench's. */
  yearEnds?: boolean
  /** Zone of stamps without one: an IANA name or an offset; UTC unless given. */
  zone?: string
  /** The meter to take from a file of several. */
  meter?: string
}

/** What a User answers to a callback: an HTTP status, or words for a connection that fails. */
export type CallbackAnswer = number | string

export interface ReadOptions {
  /** The User that asks, by name: `supplier` (unless given), `mdr`, `network-operator`, `other-user`, or one added. */
  as?: string
  /** The window, closed at both ends: yesterday (UTC) unless given. For variants that read a log only. */
  from?: Instant
  to?: Instant
  /** Sends the attribute ForSettlement="true", which no published schema has. */
  forSettlement?: boolean
  /** When the request is to be carried out; at once unless given. */
  executionAt?: Instant
  /** How long to wait for the response, by the bench's clock: a day on virtual time, a minute in real time, unless given. */
  timeout?: Duration
}

export interface NewUser {
  name: string
  /** `IS`, `ES`, `GS`, `RSA`, `ED`, `GT`, `OU`, `MDR`. */
  roles: string[]
  /** 4 characters; every User needs one but an Other User. */
  mpid?: string
  /** EUI-64; a free one unless given. */
  eui?: string
  /** URL of the caller's own server, to which responses are then sent by HTTP; they stay in the bench unless given. */
  callback?: string
  /** Whether responses wait at the Location of the acknowledgement until the caller's own client fetches them. */
  mailbox?: boolean
  /** First Settlement Day (`2026-11-23`) of a registration for the meter's import MPAN in each of its roles; none unless given. */
  registeredFrom?: string
}

/** A half-hour of a response. */
export interface ReadHalfHour {
  /** Its stamp in the XML: the end of the half-hour, unless the meter is of a kind that stamps the start. */
  at: string
  /** The same in milliseconds of UTC since 1970. */
  stampMs: number
  /** Active energy, Wh; absent in a read of reactive energy only. */
  wh?: number
  /** Reactive energy, varh. */
  varh?: number
  /** `meter`, `cache`, `shared` (a read under way for somebody else), of two channels that differ `meter+cache`. */
  source?: string
}

/** A midnight's registers. */
export interface ReadDay {
  /** Midnight, UTC. */
  at: string
  stampMs: number
  /** Active import register, Wh. */
  importWh?: number
  /** Registers of the tariff, Wh, the first of the meter's first. */
  tariffWh: (number | undefined)[]
  source?: string
}

/** Registers of 4.1.1 (import) or 4.2 (export). */
export interface ReadRegisters {
  direction: 'import' | 'export'
  activeWh?: number
  reactiveVarh?: number
}

/** A response that was delivered to a User. */
export interface BenchResponse {
  /** `I0`: carried out. `E20`, `E21`, `E30`, …: why it could not be. */
  code: string
  /** RequestID that it answers; of an alert or a schedule's run there is none. */
  requestId: string | undefined
  /** Service Reference Variant; undefined for an alert. */
  srv: string | undefined
  /** Half-hours in the order of the response; empty where it has none. */
  entries: ReadHalfHour[]
  dailyReads: ReadDay[]
  registers: ReadRegisters | undefined
  /** Of the DCC schedule whose run it is. */
  scheduleId: bigint | undefined
  /** Text of a device alert. */
  alert: string | undefined
  /** Why it could not be carried out, when the bridge explains. */
  explanation: string | undefined
  /** When it was delivered, milliseconds of UTC since 1970. */
  atMs: number
  /** The signed XML exactly as it was sent. */
  xml: string
}

/** The answer to a request of the bench's. */
export interface BenchAnswer extends BenchResponse {
  /** Code of the acknowledgement: `I99`, or the code of a refusal. */
  acknowledgement: string
  /** Time from the request to the response, of the bench's clock. */
  tookMs: number
}
