// Settings of the model of the WAN: the object `wan` in config.json, and the body of the control call. Nothing is modelled
// unless it is there. What no published text says is an assumption (docs/reference/assumptions.md).

import { type JsonSchema, objectSchema, schemaCheck } from '../state/json-schema.ts'
import type { WanPlace } from './wan-place.ts'

/** What belongs to a CSP. */
export interface CspSettings {
  /** PDP contexts at once; 0: no limit. */
  contexts: number
  /** For how long a context counts after its session, ms. */
  lingerMs: number
  /** Sessions that the API of the CSP takes a second; 0: no limit. */
  callsPerSecond: number
}

/** What belongs to a cohort of meters on a CSP. */
export interface CohortSettings {
  /** A wake-up SMS takes this time, and up to the jitter more, by chance. */
  smsDelayMs: number
  smsJitterMs: number
  /** Share of the SMS that are lost. */
  smsLoss: number
  /** SMS a second; 0: no limit. */
  smsPerSecond: number
  /** One way, for a frame. */
  latencyMs: number
  /** Data rate of a context; 0: no limit. */
  bitsPerSecond: number
  /** Share of the meters that cannot be reached, and how long each of their spells lasts; 0 minutes: always the same meters. */
  unreachableShare: number
  unreachableMinutes: number
}

export type PlaceSettings = CspSettings & CohortSettings

export interface WanSettings {
  /** Of delays, losses and the meters that cannot be reached: the same seed, the same run. */
  seed: number
  /** For all; what a CSP has of its own, then what a cohort has, comes before it. */
  all: Partial<PlaceSettings>
  csps: { [csp: string]: Partial<PlaceSettings> }
  cohorts: { [cohort: string]: Partial<CohortSettings> }
}

const nothing: PlaceSettings = {
  contexts: 0,
  lingerMs: 0,
  callsPerSecond: 0,
  smsDelayMs: 0,
  smsJitterMs: 0,
  smsLoss: 0,
  smsPerSecond: 0,
  latencyMs: 0,
  bitsPerSecond: 0,
  unreachableShare: 0,
  unreachableMinutes: 0,
}

const hourMs = 3_600_000
const whole = (maximum: number, description: string): JsonSchema => ({
  type: 'integer',
  minimum: 0,
  maximum,
  description,
})
const share = (description: string): JsonSchema => ({ type: 'number', minimum: 0, maximum: 1, description })
const rate = (description: string): JsonSchema => ({ type: 'number', minimum: 0, maximum: 1e6, description })

const cspSchemas = {
  contexts: whole(1e9, 'PDP contexts at once; 0: no limit'),
  lingerMs: whole(hourMs, 'for how long a context counts after its session'),
  callsPerSecond: rate('sessions that the API of the CSP takes a second; 0: no limit'),
}
const cohortSchemas = {
  smsDelayMs: whole(hourMs, 'time that a wake-up SMS takes'),
  smsJitterMs: whole(hourMs, 'time that it may take more, by chance'),
  smsLoss: share('share of SMS that are lost'),
  smsPerSecond: rate('SMS a second; 0: no limit'),
  latencyMs: whole(60_000, 'one way, for a frame'),
  bitsPerSecond: whole(1e9, 'data rate of a context; 0: no limit'),
  unreachableShare: share('share of the meters that cannot be reached'),
  unreachableMinutes: whole(525_600, 'length of a spell out of reach; 0: always the same meters'),
}
const byName = (schema: JsonSchema): JsonSchema => ({ type: 'object', additionalProperties: schema })

/** Schema of the object. */
export const wanSchema: JsonSchema = objectSchema({
  seed: whole(0xffff_ffff, 'of delays, losses and the meters that cannot be reached'),
  all: objectSchema({ ...cspSchemas, ...cohortSchemas }),
  csps: byName(objectSchema({ ...cspSchemas, ...cohortSchemas })),
  cohorts: byName(objectSchema(cohortSchemas)),
})

let check: ReturnType<typeof schemaCheck> | undefined

function problemsOf(value: unknown): string[] {
  check ??= schemaCheck(wanSchema)
  return check(value)
}

function isGiven(value: unknown): value is Partial<WanSettings> {
  return problemsOf(value).length === 0
}

/** Reads the object; undefined when it is not there. `detail` says what is wrong, and where. */
export function readWanSettings(
  value: unknown,
): { ok: true; settings: WanSettings | undefined } | { ok: false; detail: string } {
  if (value === undefined) return { ok: true, settings: undefined }
  if (!isGiven(value)) return { ok: false, detail: problemsOf(value).join('; ') }
  const { seed = 1, all = {}, csps = {}, cohorts = {} } = value
  return { ok: true, settings: { seed, all, csps, cohorts } }
}

function own<T>(of: { [name: string]: T }, name: string): T | undefined {
  return Object.hasOwn(of, name) ? of[name] : undefined
}

/** What holds for a place. */
export function settingsAt(settings: WanSettings | undefined, { csp, cohort }: WanPlace): PlaceSettings {
  if (settings === undefined) return nothing
  return { ...nothing, ...settings.all, ...own(settings.csps, csp), ...own(settings.cohorts, cohort) }
}

/** What of the settings can never apply, because no device has that CSP or cohort. */
export function unknownWanNames({ csps, cohorts }: WanSettings, places: readonly WanPlace[]): string[] {
  const problem = (kind: 'csp' | 'cohort', name: string) =>
    places.some((place) => place[kind] === name)
      ? []
      : [`wan.${kind}s["${name}"]: no device of the registry has this ${kind === 'csp' ? 'CSP' : 'cohort'}`]
  return [
    ...Object.keys(csps).flatMap((name) => problem('csp', name)),
    ...Object.keys(cohorts).flatMap((name) => problem('cohort', name)),
  ]
}
