// Registration messages: who supplies, distributes or retrieves data of which MPANs from when.
//
// Assumption: the envelope is that of a notice of the Central Switching Service (eventId, eventType, eventStatus, eventDate,
// correlationId, version, registrationId), and the dates have the names of Industry Registration Data. How the DCC will
// receive the MDR's appointments is not published; the whole format is in this file.

import type { RegistrationRole } from '../access/parties.ts'
import { registrationRoles } from '../access/parties.ts'
import { type JsonSchema, objectSchema, schemaCheck } from '../state/json-schema.ts'

/** What a message says of a registration: it is made, said again in other words, or taken back. */
export const eventStatuses = ['New', 'Corrected', 'Cancelled'] as const
export type EventStatus = (typeof eventStatuses)[number]

/** Steps of a switch. Only the last two change anything. */
export const eventTypes = ['Pending', 'Validation', 'Confirmed', 'SecuredActive'] as const
export type EventType = (typeof eventTypes)[number]

/** A party takes a role for an MPAN (IF-031 to IF-036). */
export interface Appointment {
  mpxn: string
  marketRole: RegistrationRole
  mpid: string
  /** EFD: the first Settlement Day. */
  effectiveFromDate: string
  /** ETD: the last one. Without it, until the next appointment of the role. */
  effectiveToDate?: string
}

export interface RegistrationMessage {
  /** The message: the same one may come twice. */
  eventId: string
  eventType: EventType
  eventStatus: EventStatus
  /** When it was sent, ISO 8601. It decides nothing: feeds are generated again with new times. */
  eventDate: string
  correlationId?: string
  /** Of the registration, from 1: a later version replaces an earlier one, in whatever order they come. */
  version: number
  updatedProperties?: string[]
  data: {
    registrationId: string
    registrationStatus?: string
    appointments: Appointment[]
  }
}

/** Appointments of one message at most. */
export const appointmentsMax = 100_000

const id: JsonSchema = { type: 'string', pattern: '^[A-Za-z0-9._:-]{1,64}$' }
const date: JsonSchema = { type: 'string', pattern: '^[0-9]{4}-[0-9]{2}-[0-9]{2}$' }

/** The JSON Schema of a message. */
export const messageSchema: JsonSchema = objectSchema(
  {
    eventId: { ...id, description: 'of this message' },
    eventType: { enum: eventTypes, description: 'Pending and Validation change nothing' },
    eventStatus: { enum: eventStatuses },
    eventDate: { type: 'string', format: 'date-time', minLength: 10, maxLength: 40 },
    correlationId: id,
    version: { type: 'integer', minimum: 1, maximum: 1_000_000, description: 'of the registration' },
    updatedProperties: { type: 'array', items: { type: 'string', maxLength: 100 }, maxItems: 100 },
    data: objectSchema(
      {
        registrationId: { ...id, description: 'of the registration, the same in all its versions' },
        registrationStatus: { type: 'string', maxLength: 64 },
        appointments: {
          type: 'array',
          maxItems: appointmentsMax,
          items: objectSchema(
            {
              mpxn: { type: 'string', pattern: '^[0-9]{13}$', description: 'MPAN' },
              marketRole: { enum: registrationRoles },
              mpid: { type: 'string', pattern: '^[A-Za-z0-9]{4}$' },
              effectiveFromDate: { ...date, description: 'EFD: the first Settlement Day' },
              effectiveToDate: { ...date, description: 'ETD: the last one' },
            },
            ['mpxn', 'marketRole', 'mpid', 'effectiveFromDate'],
          ),
        },
      },
      ['registrationId', 'appointments'],
    ),
  },
  ['eventId', 'eventType', 'eventStatus', 'eventDate', 'version', 'data'],
)

const check = schemaCheck(messageSchema, 10)

/** What is wrong with a value that should be a message; empty when nothing is. */
export const messageProblems = (value: unknown): string[] => check(value)

export function isMessage(value: unknown): value is RegistrationMessage {
  return check(value).length === 0
}

/** The DCC's outcome (IF-035), and what it changed. */
export interface FeedAnswer {
  eventId: string
  correlationId?: string
  registrationId: string
  version: number
  /** `Waiting`: it moves so many MPANs that an operator has to release it. `Ignored`: nothing is to be done. */
  outcome: 'Accepted' | 'Rejected' | 'Waiting' | 'Ignored'
  /** Of a rejection: `MpanUnknown`, `DateTooLate`, … */
  code?: RejectionCode
  reason?: string
  /** It came after its first Settlement Day had begun. */
  late?: boolean
  /** It was applied before, by this message or another one with the same content. */
  repeated?: boolean
  /** Devices whose cached readings are deleted. */
  cachesEmptied: string[]
  /** Devices whose schedules are checked: those of parties without rights end. */
  schedulesChecked: string[]
  /** Who holds a role from when to when, where this message changed it. */
  rights: { mpxn: string; marketRole: RegistrationRole; mpid: string; from: string; to?: string }[]
}

/** Why a message is rejected. Assumption: no source lists the DCC's codes. */
export const rejectionCodes = {
  Format: 'it is not as the schema says',
  EventIdReused: 'another message had this eventId',
  MpanUnknown: 'the DCC knows no device with this MPAN',
  MpanCheckDigit: 'the check digit of the MPAN is wrong',
  DateTooFar: 'it begins more than 28 days ahead',
  DateTooOld: 'it began more than 5 days ago',
  Dates: 'it ends before it begins, or a date is none of the calendar',
  Overlap: 'it overlaps another appointment of the role',
  RoleAndMpan: 'IS needs an import MPAN, ES an export one',
  ExportFollowsImport: 'an MDR is not appointed to an export MPAN whose rights follow the import MPAN',
  NothingToCancel: 'there is no registration of this id',
  VersionReused: 'another message had this version of the registration, and said something else',
  Dropped: 'an operator has dropped it',
} as const
export type RejectionCode = keyof typeof rejectionCodes
