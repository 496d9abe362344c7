// Finds the probable cause when a meter does not answer, from what was received on the line.

import type { LineLimits } from './line-limits.ts'
import { ReadError } from './read-error.ts'

/** What was received and sent on the line in one turn. */
export interface LineTraffic {
  bytes: number
  /** Good frames, and dropped ones. */
  frames: number
  dropped: number
  /** The first bytes received and the first bytes sent, at most 400 of each. */
  sample: number[]
  sent: number[]
}

const sampleBytesMax = 400

export function noTraffic(): LineTraffic {
  return { bytes: 0, frames: 0, dropped: 0, sample: [], sent: [] }
}

/** Adds to a sample until it is full. */
export function addSample(sample: number[], bytes: Uint8Array): void {
  if (sample.length < sampleBytesMax) sample.push(...bytes.subarray(0, sampleBytesMax - sample.length))
}

/** Counts of one turn that show whether the meter has another key. */
export interface SessionCounts {
  eui: string
  sessions: number
  asks: number
  opened: number
}

/**
 * True when wakes, which are not sealed, are answered, no ask is, and no frame was damaged: the meter then has another
 * key.
 */
export function seemsKeyWrong({ sessions, asks, opened }: SessionCounts, { dropped }: LineTraffic): boolean {
  return sessions >= 2 && asks >= 3 && opened === 0 && dropped === 0
}

function damaged({ frames, dropped }: LineTraffic): string {
  return `${dropped} of ${frames + dropped} frames came damaged: look at the cable, its ground and its length, or take a lower speed on both ends`
}

/** The error when the deadline passes during a read. */
export function whyTooLate(counts: SessionCounts, traffic: LineTraffic, limits: LineLimits): ReadError {
  if (seemsKeyWrong(counts, traffic)) return whyNoAnswer(counts, traffic, limits)
  const why = traffic.dropped > 0 ? `; ${damaged(traffic)}` : ''
  return new ReadError('too late', `the target response time is used up${why}`)
}

/** The error when a meter that was awake is given up. */
export function whyNoAnswer(counts: SessionCounts, traffic: LineTraffic, limits: LineLimits): ReadError {
  const { eui, asks, sessions } = counts
  if (seemsKeyWrong(counts, traffic)) {
    return new ReadError(
      'wrong key',
      `${eui} answers ${sessions} wakes and none of ${asks} asks, on a line without noise: the DCO's key is not the meter's. Provision the meter again, or put its key into the DCO's vault`,
    )
  }
  const seconds = Math.round(limits.silenceMs / 1000)
  if (traffic.dropped > 0) {
    return new ReadError('no answer', `${eui} was awake; then nothing opens for ${seconds} s, and ${damaged(traffic)}`)
  }
  return new ReadError('no answer', `${eui} was awake and has said nothing for ${seconds} s: has it lost power?`)
}

/** The banner of Espruino, its prompt, what it says to what it does not understand (as 2v29 does). */
const espruinoSays = /espruino|\r\n>|Uncaught |ReferenceError|=undefined/i

/** Length of the longest common subsequence. */
function inCommon(one: readonly number[], other: readonly number[]): number {
  let row = new Array<number>(other.length + 1).fill(0)
  for (const byte of one) {
    const next = [0]
    other.forEach((one, i) => {
      const [upLeft = 0, up = 0] = [row[i], row[i + 1]]
      next.push(byte === one ? upLeft + 1 : Math.max(up, next[i] ?? 0))
    })
    row = next
  }
  return row[other.length] ?? 0
}

/** True when the received bytes are mostly those that were sent. */
function isEcho({ sample, sent }: LineTraffic): boolean {
  return sample.length >= 8 && inCommon(sample, sent) >= sample.length * 0.7
}

/** The kind of console that is on the port in the place of a meter. */
export function consoleOf(traffic: LineTraffic): 'Espruino' | 'other' | undefined {
  if (traffic.frames > 0 || traffic.bytes === 0) return undefined
  const text = String.fromCharCode(...traffic.sample)
  if (espruinoSays.test(text)) return 'Espruino'
  const printable = text.replace(/[^\x20-\x7e\r\n]/g, '').length
  return isEcho(traffic) || (text.length >= 8 && printable >= text.length * 0.9) ? 'other' : undefined
}

/** The error when no wake is answered. */
export function whyNoAwake(eui: string, wakes: number, traffic: LineTraffic, limits: LineLimits): ReadError {
  const found = consoleOf(traffic)
  if (found !== undefined) {
    const fix =
      found === 'Espruino'
        ? "the port is the console of an Espruino board (it shows its prompt). Connect the pins of the meter's line, which are others than the console's, or put the meter onto the board first"
        : "the port writes text or echoes, as a console does. Name the meter's port; on a board connect the pins of its line, on a Raspberry Pi switch the login console off its UART"
    return new ReadError('no awake', `${eui} does not wake: ${fix}`)
  }
  if (traffic.bytes > 0 && traffic.frames === 0) {
    return new ReadError(
      'no awake',
      `${eui} does not wake; ${traffic.bytes} bytes came and not one frame: the meter's line has another speed than ${limits.baud} baud (--baud), or something else is on this port`,
    )
  }
  if (traffic.dropped > traffic.frames) {
    return new ReadError('no awake', `${eui} does not wake; ${damaged(traffic)}`)
  }
  return new ReadError('no awake', `${eui} does not wake after ${wakes} wakes: is it powered, and on this line?`)
}
