// What is wrong when a meter is not heard: told by what did come from the line.

import type { LineLimits } from './limits.ts'
import { ReadError } from './read-error.ts'

/** What has come from the line in one turn. */
export interface Heard {
  bytes: number
  /** Good frames, and what was none. */
  frames: number
  dropped: number
  /** The first bytes of all. */
  sample: number[]
}

const sampleBytesMax = 400

export function nothingHeard(): Heard {
  return { bytes: 0, frames: 0, dropped: 0, sample: [] }
}

/** Takes in bytes as they come. */
export function hear(heard: Heard, bytes: Uint8Array): void {
  heard.bytes += bytes.length
  for (let i = 0; i < bytes.length && heard.sample.length < sampleBytesMax; i++) heard.sample.push(bytes[i]!)
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

/** The text that a console sends: printable characters and line ends, nearly all of it. */
function consoleText({ sample }: Heard): string | undefined {
  const text = String.fromCharCode(...sample)
  const printable = text.replace(/[^\x20-\x7e\r\n]/g, '').length
  return printable >= 4 && printable >= sample.length * 0.9 ? text : undefined
}

/** Why no wake was answered. */
export function whyNoAwake(eui: string, wakes: number, heard: Heard, limits: LineLimits): ReadError {
  const text = heard.frames === 0 ? consoleText(heard) : undefined
  if (text !== undefined) {
    const isEspruino = /espruino|^\s*\d+v\d+|\r\n>|^>|Uncaught |ReferenceError|=undefined/i.test(text)
    return new ReadError(
      'no awake',
      isEspruino
        ? `no ${eui} there: the port is the console of an Espruino board (it writes text). Connect the pins of the meter's line, not the console, or put the meter onto the board first`
        : `no ${eui} there: the port writes text, like a console. Name the meter's port; on a Raspberry Pi switch the login console off its UART`,
    )
  }
  if (heard.bytes > 0 && heard.frames === 0) {
    return new ReadError(
      'no awake',
      `${eui} does not wake; ${heard.bytes} bytes came, and no frame among them: is ${limits.baud} the speed of the meter, too (--baud), and is it a meter?`,
    )
  }
  if (heard.dropped > heard.frames) {
    return new ReadError('no awake', `${eui} does not wake; ${damaged(heard)}`)
  }
  return new ReadError('no awake', `${eui} does not wake after ${wakes} wakes: is it powered, and on this line?`)
}
