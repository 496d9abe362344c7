// What is wrong when a meter is not heard: told by what did come from the line.

import type { LineLimits } from './limits.ts'
import { ReadError } from './read-error.ts'

/** What has come from the line in one turn. */
export interface Heard {
  bytes: number
  /** Good frames, and what was none. */
  frames: number
  dropped: number
  /** The first bytes that came, and the first that were sent. */
  sample: number[]
  sent: number[]
}

const sampleBytesMax = 400

export function nothingHeard(): Heard {
  return { bytes: 0, frames: 0, dropped: 0, sample: [], sent: [] }
}

/** Keeps the first bytes of what comes, or of what is sent. */
export function addSample(sample: number[], bytes: Uint8Array): void {
  if (sample.length < sampleBytesMax) sample.push(...bytes.subarray(0, sampleBytesMax - sample.length))
}

/** What a contact with a meter tells about its key. */
export interface Tried {
  eui: string
  sessions: number
  asks: number
  opened: number
}

/**
 * Wakes carry no seal and are answered; asks do, and none is. On a line that loses nothing else this is a key that the
 * meter does not have.
 */
export function seemsKeyWrong({ sessions, asks, opened }: Tried, { dropped }: Heard): boolean {
  return sessions >= 2 && asks >= 3 && opened === 0 && dropped === 0
}

function damaged({ frames, dropped }: Heard): string {
  return `${dropped} of ${frames + dropped} frames came damaged: look at the cable, its ground and its length, or take a lower speed on both ends`
}

/** Why a meter that was awake has not told all in its time. */
export function whyTooLate(tried: Tried, heard: Heard, limits: LineLimits): ReadError {
  if (seemsKeyWrong(tried, heard)) return whyNoAnswer(tried, heard, limits)
  const why = heard.dropped > 0 ? `; ${damaged(heard)}` : ''
  return new ReadError('too late', `the target response time is used up${why}`)
}

/** Why a meter that was awake is given up. */
export function whyNoAnswer(tried: Tried, heard: Heard, limits: LineLimits): ReadError {
  const { eui, asks, sessions } = tried
  if (seemsKeyWrong(tried, heard)) {
    return new ReadError(
      'wrong key',
      `${eui} answers ${sessions} wakes and none of ${asks} asks, on a line without noise: the DCO's key is not the meter's. Provision the meter again, or put its key into the DCO's vault`,
    )
  }
  const seconds = Math.round(limits.silenceMs / 1000)
  if (heard.dropped > 0) {
    return new ReadError('no answer', `${eui} was awake; then nothing opens for ${seconds} s, and ${damaged(heard)}`)
  }
  return new ReadError('no answer', `${eui} was awake and has said nothing for ${seconds} s: has it lost power?`)
}

/** The banner of Espruino, its prompt, what it says to what it does not understand (as 2v29 does). */
const espruinoSays = /espruino|\r\n>|Uncaught |ReferenceError|=undefined/i

/** How many bytes of `one` are in `other`, in their order: their longest common subsequence. */
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

/** Whether what came is what was sent: an echo, of what can be printed at least. */
function isEcho({ sample, sent }: Heard): boolean {
  return sample.length >= 8 && inCommon(sample, sent) >= sample.length * 0.7
}

/** What writes text, or echoes, where a meter should be. */
export function consoleOf(heard: Heard): 'Espruino' | 'other' | undefined {
  if (heard.frames > 0 || heard.bytes === 0) return undefined
  const text = String.fromCharCode(...heard.sample)
  if (espruinoSays.test(text)) return 'Espruino'
  const printable = text.replace(/[^\x20-\x7e\r\n]/g, '').length
  return isEcho(heard) || (text.length >= 8 && printable >= text.length * 0.9) ? 'other' : undefined
}

/** Why no wake was answered. */
export function whyNoAwake(eui: string, wakes: number, heard: Heard, limits: LineLimits): ReadError {
  const found = consoleOf(heard)
  if (found !== undefined) {
    const fix =
      found === 'Espruino'
        ? "the port is the console of an Espruino board (it shows its prompt). Connect the pins of the meter's line, which are others than the console's, or put the meter onto the board first"
        : "the port writes text or echoes, as a console does. Name the meter's port; on a board connect the pins of its line, on a Raspberry Pi switch the login console off its UART"
    return new ReadError('no awake', `${eui} does not wake: ${fix}`)
  }
  if (heard.bytes > 0 && heard.frames === 0) {
    return new ReadError(
      'no awake',
      `${eui} does not wake; ${heard.bytes} bytes came and not one frame: the meter's line has another speed than ${limits.baud} baud (--baud), or something else is on this port`,
    )
  }
  if (heard.dropped > heard.frames) {
    return new ReadError('no awake', `${eui} does not wake; ${damaged(heard)}`)
  }
  return new ReadError('no awake', `${eui} does not wake after ${wakes} wakes: is it powered, and on this line?`)
}
