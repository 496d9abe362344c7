// Settings of the model of the DCO: the object `dco` in config.json, and the body of the control call. Nothing is modelled
// unless it is there. No published text says how quick the DCO is, beyond its target of 4 s (MP162-I2).

import { type JsonSchema, objectSchema, schemaCheck } from '../state/json-schema.ts'

export interface DcoSettings {
  /** Of the times of calls: the same seed, the same run. */
  seed: number
  /** A call takes this time, and up to the jitter more, by chance. */
  latencyMs: number
  jitterMs: number
  /** Calls that are worked on at once; 0: no limit. */
  workers: number
  /** Calls that begin in a second, evenly spaced; 0: no limit. */
  callsPerSecond: number
  /** Calls that may wait; one more is refused. 0: no limit. */
  queueMax: number
  /** Every so many minutes, counted from 1970, all work stands still for `stallMs`; 0: never. */
  stallEveryMinutes: number
  stallMs: number
  /** What becomes of a call of more than 4 s: it is counted, or it fails. */
  late: 'counted' | 'fails'
}

const defaults: DcoSettings = {
  seed: 1,
  latencyMs: 0,
  jitterMs: 0,
  workers: 0,
  callsPerSecond: 0,
  queueMax: 0,
  stallEveryMinutes: 0,
  stallMs: 0,
  late: 'counted',
}

const whole = (maximum: number, description: string): JsonSchema => ({
  type: 'integer',
  minimum: 0,
  maximum,
  description,
})

/** Schema of the object. */
export const dcoSchema: JsonSchema = objectSchema({
  seed: whole(0xffff_ffff, 'of the times of calls'),
  latencyMs: whole(600_000, 'time that a call takes'),
  jitterMs: whole(600_000, 'time that it may take more, by chance'),
  workers: whole(1_000_000, 'calls that are worked on at once; 0: no limit'),
  callsPerSecond: {
    type: 'number',
    minimum: 0,
    maximum: 1e6,
    description: 'calls that begin in a second; 0: no limit',
  },
  queueMax: whole(1e9, 'calls that may wait; one more is refused; 0: no limit'),
  stallEveryMinutes: whole(525_600, 'every so many minutes all work stands still for stallMs; 0: never'),
  stallMs: whole(3_600_000, 'length of a stall'),
  late: { enum: ['counted', 'fails'], description: 'what becomes of a call of more than 4 s' },
})

let check: ReturnType<typeof schemaCheck> | undefined

function problemsOf(value: unknown): string[] {
  check ??= schemaCheck(dcoSchema)
  return check(value)
}

function isGiven(value: unknown): value is Partial<DcoSettings> {
  return problemsOf(value).length === 0
}

/** Reads the object; undefined when it is not there. `detail` says what is wrong, and where. */
export function readDcoSettings(
  value: unknown,
): { ok: true; settings: DcoSettings | undefined } | { ok: false; detail: string } {
  if (value === undefined) return { ok: true, settings: undefined }
  if (!isGiven(value)) return { ok: false, detail: problemsOf(value).join('; ') }
  const settings = { ...defaults, ...value }
  if (settings.stallMs > 0 && settings.stallMs >= settings.stallEveryMinutes * 60_000) {
    return { ok: false, detail: 'stallMs must be shorter than stallEveryMinutes: the DCO would never work' }
  }
  return { ok: true, settings }
}
