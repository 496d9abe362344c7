// A bench for schedules and inventories.

import * as assert from 'uvu/assert'
import { type BenchOptions, midnight, whOf } from '../../../emulation/bench.ts'
import { esme } from '../../../emulation/bench-parties.ts'
import { formatNonDeviceRequest, type NonDeviceRequest } from '../../../host/duis/format-non-device.ts'
import type { ScheduleDetails } from '../../../host/duis/non-device-fields.ts'
import { readAlert, readScheduleId } from '../../../host/duis/read-non-device.ts'
import { parseResponse } from '../../../host/duis/read-response.ts'
import { requestIdOf } from '../../../host/duis/request.ts'
import type { TestIdentityName } from '../../../host/pki/test-pki.ts'
import { testIdentities } from '../../../host/pki/test-pki.ts'
import { createBench } from './checked-bench.ts'

export const dayMs = 86_400_000
export const halfHourMs = 1_800_000
/** The day of the bench, days since 1970. */
export const today = midnight / dayMs

/** Yesterday's half-hours every day from tomorrow on, or with some fields otherwise. */
export function dailyRead(fields: Partial<ScheduleDetails> = {}): ScheduleDetails {
  return {
    frequency: 'Daily',
    startDay: today + 1,
    serviceReference: '4.8',
    variant: '4.8.1',
    deviceEui: esme,
    readName: 'DSPReadActiveImportProfileData',
    period: { startDays: -1, startTimeMs: 0, endDays: 0, endTimeMs: 0 },
    ...fields,
  }
}

/** Another device with a valid MPAN for each number. */
export function meterNumber(index: number) {
  const eui = `00-DB-12-34-56-78-91-${index.toString(16).padStart(2, '0').toUpperCase()}`
  const digits = `2${`${index}`.padStart(11, '0')}`
  const primes = [3, 5, 7, 13, 17, 19, 23, 29, 31, 37, 41, 43]
  const sum = primes.reduce((total, prime, i) => total + prime * Number(digits[i]), 0)
  return { eui, importMpan: `${digits}${(sum % 11) % 10}` }
}

export async function createScheduleBench(options: BenchOptions = {}) {
  const bench = await createBench(options)
  let counter = 0n

  const more = {
    /** A signed request to the DCC. */
    dccRequest(name: TestIdentityName, request: NonDeviceRequest, how: { version?: string; target?: string } = {}) {
      counter += 1n
      const requestId = requestIdOf(testIdentities[name].eui, how.target ?? testIdentities.dsp.eui, counter)
      const xml = formatNonDeviceRequest(requestId, request, { schemaVersion: how.version ?? '5.4' })
      return bench.sign(xml, name)
    },
    /** Sends a request to the DCC; returns the answer's code, explanation and message. */
    async askDcc(name: TestIdentityName, request: NonDeviceRequest, how: { version?: string; target?: string } = {}) {
      const answer = await bench.post(more.dccRequest(name, request, how), 'serviceD')
      const parsed = parseResponse(Buffer.from(answer.xml))
      assert.ok(parsed.ok)
      return { ...answer, message: (parsed as Extract<typeof parsed, { ok: true }>).response.message }
    },
    /** Creates a schedule; its id. */
    async create(name: TestIdentityName, details: ScheduleDetails): Promise<number> {
      const answer = await more.askDcc(name, { variant: '5.1', schedule: details })
      assert.is(answer.code, 'I0', answer.why)
      return readScheduleId(answer.message)!
    },
    /** Lets time pass up to an instant; the meters count on, each half-hour as `whOf` says. */
    async liveUntil(untilMs: number) {
      while (bench.clock.nowMs() < untilMs) {
        const halfHour = Math.floor(bench.clock.nowMs() / halfHourMs)
        const boundaryMs = Math.min((halfHour + 1) * halfHourMs, untilMs)
        const whole = boundaryMs % halfHourMs === 0
        if (whole) for (const meter of bench.meters) meter.count(0, whOf(halfHour))
        // A millisecond more: bytes on the line take fractions of one, and a real meter reads its clock all the time.
        await bench.clock.pass(boundaryMs + (whole ? 1 : 0) - bench.clock.nowMs())
        if (whole) for (const meter of bench.meters) meter.meter().step()
      }
      await bench.clock.pass(1)
    },
    /** Results of schedules that Users have received, and alerts. */
    results: () => bench.callbacks.filter(({ response }) => response.scheduleId !== undefined),
    alerts: () =>
      bench.callbacks.flatMap(({ response, url }) => {
        const alert = readAlert(response.message)
        return alert === undefined ? [] : [{ ...alert, url }]
      }),
    schedules: () => [...bench.bridge().schedules.schedules.all()],
  }
  return { ...bench, ...more }
}
