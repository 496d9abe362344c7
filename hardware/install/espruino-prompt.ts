// The prompt of an Espruino, as a program uses it: code goes there by the line, and both ways prove themselves.
//
// A line is `R(number, CRC-32, "code")`. When the CRC-32, of number and code, is right, the board says `#number ?` at once,
// runs the code, once, and answers `#number result CRC-32`; asked again by the same number it answers the same again. So a
// damaged line, or a lost answer, is sent again and nothing is done twice. Each line waits for its answer: no more is ever
// under way than a board's receive buffer takes (512 bytes on the smallest).

import { crc32 } from 'node:zlib'
import type { Line } from '../emulator/line.ts'

/** A port behind which a console is. */
export type ConsolePort = Pick<Line, 'write' | 'onData' | 'onClose'>

/**
 * Why there is no talking to a board: `silent`, no byte came; `stranger`, what came is no Espruino's; `restarted`, it
 * lost what it was told; `lost`, it answers no more, or its port is gone; `refused`, it ran the code, which threw.
 */
export type PromptFault = 'silent' | 'stranger' | 'restarted' | 'lost' | 'refused'

export class PromptError extends Error {
  readonly fault: PromptFault
  constructor(fault: PromptFault, message: string) {
    super(message)
    this.fault = fault
  }
}

export interface Prompt {
  /** Espruino's version, such as `2v29.277`, and the name of its build, such as `ESP32`. */
  version: string
  board: string
  /** Runs code and gives its value, which goes through JSON. @throws PromptError */
  run(code: string, withinMs?: number): Promise<unknown>
  /** Runs `reset()` or `load()`, after which the board knows nothing of this prompt: attend it again. */
  restart(how: 'reset()' | 'load()'): Promise<void>
  /** Waits for words on the console; `undefined` when they do not come. */
  says(words: RegExp, withinMs: number): Promise<RegExpExecArray | undefined>
  /** Calls back with what comes on lines that begin with `mark`, until told otherwise. */
  listen(mark: string, take: ((text: string) => void) | undefined): void
  /** Sends a line that is not answered. */
  tell(code: string): void
}

const ctrl = { c: '\x03', enquiry: '\x05', u: '\x15', echoOff: '\x10' } as const

/** Characters kept of what a console says. */
const heardMax = 65536
const tries = 8
/** Espruino for Linux ends at a second Ctrl-C within 5 s. */
const breakEveryMs = 6000
/** What a board is given, beside the time that the line itself takes, to say that it has one; and to answer it. */
const heardMs = 1500
const answerMs = 2500

const answerer =
  'global.R=function(n,c,s){if(E.CRC32(n+s)!==c)return print("#"+n+" !");print("#"+n+" ?");if(n!==R.n){R.n=n;' +
  'try{R.r=JSON.stringify({v:eval(s)})}catch(e){R.r=JSON.stringify({e:""+e})}}print("#"+n+" "+R.r+" "+E.CRC32(R.r))}'

/** Time, as the prompt needs it. */
export interface PromptTiming {
  nowMs(): number
  after(ms: number, call: () => void): { cancel(): void }
}

/** The clock and timers of this machine. */
export const promptTiming: PromptTiming = {
  nowMs: () => performance.now(),
  after(ms, call) {
    const timer = setTimeout(call, ms)
    return { cancel: () => clearTimeout(timer) }
  },
}

/** What was heard instead of an Espruino, in words, and what to do. */
export function strangerWords(heard: string, baud: number): string {
  // A wrong speed makes anything but text.
  const odd = heard.replace(/[\s -~]/g, '').length
  if (odd * 5 > heard.length) {
    return `what comes is garbage: the console is not at ${baud} baud, or this is the meter's line and not its console. Give its speed with --baud (nRF52: 9600, others: 115200).`
  }
  const text = heard.trim().replace(/\s+/g, ' ').slice(0, 60)
  return `what answers is no Espruino: it says ${JSON.stringify(text)}. Is this the board's port, and is Espruino on the board (espruino.com/Download)?`
}

const silentWords =
  'nothing answers. Is the board powered, is this its console (not its line), is another program using the port? ' +
  'A program on the board may have moved the console away: plug in USB on boards that have it, or start the board with ' +
  'its button held down (BTN1), which keeps the program from starting.'

/** What an answer that proved itself says; `again` for what is no answer all the same. */
function answerIn(json: string): { value: unknown } | { thrown: string } | 'again' {
  try {
    const answer = JSON.parse(json) as { v?: unknown; e?: unknown }
    return answer.e === undefined ? { value: answer.v } : { thrown: String(answer.e) }
  } catch {
    return 'again'
  }
}

/**
 * Finds the prompt behind a port, by itself or with a meter running, and teaches it to answer.
 * @param baud bits a second of the port, for the time that bytes take
 * @throws PromptError
 */
export async function attendPrompt(port: ConsolePort, baud: number, timing = promptTiming): Promise<Prompt> {
  let heard = ''
  let gone = ''
  let woken: () => void = () => {}
  let mark = ''
  let listener: ((text: string) => void) | undefined
  let rest = ''
  // A late answer to whoever was here before must not be taken for one to us.
  let number = Math.floor(timing.nowMs() % 1e6) * 1000

  function listenTo(text: string): void {
    rest += text
    const lines = rest.split(/\r?\n/)
    rest = lines.pop()!.slice(-4096)
    for (const line of lines) if (line.startsWith(mark)) listener?.(line.slice(mark.length))
  }

  port.onData((bytes) => {
    // Flow control (XON, XOFF) is none of the text.
    const text = Buffer.from(bytes.filter((byte) => byte !== 0x11 && byte !== 0x13)).toString('latin1')
    heard = (heard + text).slice(-heardMax)
    if (listener !== undefined) listenTo(text)
    woken()
  })
  port.onClose((why) => {
    gone = why
    woken()
  })

  function send(text: string): void {
    port.write(Buffer.from(text, 'latin1'))
  }

  /** Waits until something is found in what was heard. */
  async function find<T>(look: () => T | undefined, withinMs: number): Promise<T | undefined> {
    const endMs = timing.nowMs() + withinMs
    for (;;) {
      const found = look()
      if (found !== undefined) return found
      if (gone !== '') throw new PromptError('lost', gone)
      const leftMs = endMs - timing.nowMs()
      if (leftMs <= 0) return undefined
      await new Promise<void>((resolve) => {
        const timer = timing.after(leftMs, resolve)
        woken = () => {
          timer.cancel()
          resolve()
        }
      })
    }
  }

  let brokenOffAtMs = Number.NEGATIVE_INFINITY
  /** Clears all of what was begun; where that was just tried, the last line of it. */
  function clear(): void {
    const isDue = timing.nowMs() - brokenOffAtMs > breakEveryMs
    if (isDue) brokenOffAtMs = timing.nowMs()
    send(isDue ? ctrl.c : ctrl.u)
  }

  const pause = (ms: number) => new Promise<void>((resolve) => void timing.after(ms, resolve))

  const identity = () => /Espruino (\d+v\d\S*) ([A-Z0-9_]+)\r?\n/.exec(heard) ?? undefined

  /** Asks who is there: by enquiry, and as versions before 2v25 know it. */
  async function identify(): Promise<{ version: string; board: string }> {
    const ask = `${ctrl.echoOff}print("\\nEspruino "+process.env.VERSION+" "+process.env.BOARD)\n`
    const askings = [ctrl.enquiry, '', ctrl.enquiry, ask, ctrl.enquiry, ask]
    for (const asking of askings) {
      if (asking === '') clear()
      else send(ctrl.u + asking)
      const found = await find(identity, asking === '' ? 100 : 900)
      if (found !== undefined) return { version: found[1]!, board: found[2]! }
    }
    if (heard.length === 0) throw new PromptError('silent', silentWords)
    throw new PromptError('stranger', strangerWords(heard, baud))
  }

  const who = await identify()

  for (let attempt = 0; ; attempt++) {
    heard = ''
    send(`${ctrl.u}${ctrl.echoOff}echo(0)\n`)
    await pause(50)
    send(`${ctrl.echoOff}${answerer}\n`)
    send(`${ctrl.echoOff}print("#ready",typeof R)\n`)
    if (await find(() => /#ready function/.exec(heard) ?? undefined, 1500)) break
    if (attempt === tries) throw new PromptError('lost', 'the board says who it is, and then answers no more')
    clear()
    await pause(200)
  }

  /** One answer: its value, or `again` when the line or the answer was damaged. */
  function answerTo(expected: number): { value: unknown } | { thrown: string } | 'again' | 'restarted' | undefined {
    for (const [, result, sum] of heard.matchAll(new RegExp(`#${expected} (.*) (\\d+)\\r?\\n`, 'g'))) {
      if (crc32(Buffer.from(result!, 'latin1')) !== Number(sum)) continue
      return answerIn(result!)
    }
    if (/"R" is not defined|espruino\.com\r/.test(heard)) return 'restarted'
    // A line of ours that is no code any more, or an answer that is spoilt.
    const spoilt = heard.replace(new RegExp(`#${expected} \\?\\r?\\n`, 'g'), '')
    if (/Uncaught |#\d+ !|#.*\n/.test(spoilt)) return 'again'
    return undefined
  }

  return {
    ...who,
    async run(code, withinMs = answerMs) {
      number += 1
      const line = `${ctrl.echoOff}R(${number},${crc32(Buffer.from(number + code, 'latin1'))},${JSON.stringify(code)})\n`
      // As much again for the answer.
      const lineMs = ((line.length + 1024) * 10000) / baud
      for (let attempt = 0; attempt < tries; attempt++) {
        heard = ''
        send(line)
        const isHeard = () => (heard.includes(`#${number} ?`) ? ('heard' as const) : undefined)
        const first = await find(() => answerTo(number) ?? isHeard(), heardMs * Math.min(attempt + 1, 3) + lineMs)
        const answer = first === 'heard' ? await find(() => answerTo(number), withinMs + lineMs) : first
        if (answer === 'restarted') throw new PromptError('restarted', 'the board restarted')
        if (answer !== undefined && answer !== 'again') {
          if ('value' in answer) return answer.value
          throw new PromptError('refused', answer.thrown)
        }
        // What is left of a damaged line must not spoil the next: of one line, or of several that wait for a bracket.
        // A board that is at work on it is not interrupted.
        if (attempt === 0 || first === 'heard') send(ctrl.u)
        else clear()
        await pause(150)
      }
      throw new PromptError('lost', `the board does not answer any more (${tries} tries)`)
    },
    async restart(how) {
      heard = ''
      send(`${ctrl.echoOff}${how}\n`)
      await pause(300)
    },
    says: (words, withinMs) => find(() => words.exec(heard) ?? undefined, withinMs),
    listen(from, take) {
      mark = from
      rest = ''
      listener = take
    },
    tell: (code) => send(`${ctrl.echoOff}${code}\n`),
  }
}
