// The prompt of an Espruino, as a program uses it: code goes there line by line, with a CRC-32 in both directions.
//
// A line is `R(number, CRC-32, "code")`. When the CRC-32, of number and code, is right, the board sends the receipt `#number ?`
// at once, runs the code, once, and answers `#number result CRC-32`; asked again with the same number it repeats the answer.
// So a damaged line or answer is sent again, and nothing is done twice. Each line waits for its answer: never is more on its
// way than the receive buffer of a board takes (512 bytes on the smallest).

import { crc32 } from 'node:zlib'
import type { Line } from '../emulator/meter-line.ts'

/** A port behind which a console is. */
export type ConsolePort = Pick<Line, 'write' | 'onData' | 'onClose'>

/**
 * Why a board cannot be used: `silent`, no byte came; `notEspruino`, something else answers; `restarted`, it lost the
 * function that answers; `lost`, it does not answer any more, or its port is gone; `refused`, it ran the code, which threw.
 */
export type PromptFault = 'silent' | 'notEspruino' | 'restarted' | 'lost' | 'refused'

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
  /** Runs `reset()` or `load()`, after which the prompt must be connected again. */
  restart(how: 'reset()' | 'load()'): Promise<void>
  /** Waits for words on the console; `undefined` when they do not come. */
  waitFor(words: RegExp, withinMs: number): Promise<RegExpExecArray | undefined>
  /** Calls back with what comes on lines that begin with `mark`; `undefined` ends that. */
  listen(mark: string, take: ((text: string) => void) | undefined): void
  /** Sends a line that is not answered. */
  send(code: string): void
}

const ctrl = { c: '\x03', enquiry: '\x05', u: '\x15', echoOff: '\x10' } as const

/** Characters kept of what a console sends. */
const receivedMax = 65536
const tries = 8
/** Espruino for Linux ends at a second Ctrl-C within 5 s. */
const interruptEveryMs = 6000
/** How long a board may take, beside the time on the line, for the receipt of a line; and for the answer. */
const receiptMs = 1500
const answerMs = 2500

// After reset() nothing else feeds the watchdog that the meter has switched on: each line does.
const answerer =
  'global.R=function(n,c,s){if(E.kickWatchdog)E.kickWatchdog();if(E.CRC32(n+s)!==c)return print("#"+n+" !");print("#"+n+" ?");if(n!==R.n){R.n=n;' +
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

/** What was received instead of an Espruino's answer, in words, and what to do. */
function notEspruinoWords(received: string, baud: number): string {
  // A wrong speed makes anything but text.
  const odd = received.replace(/[\s -~]/g, '').length
  if (odd * 5 > received.length) {
    return `what comes is garbage: the console is not at ${baud} baud, or this is the meter's line and not its console. Give its speed with --baud (nRF52: 9600, others: 115200).`
  }
  const text = received.trim().replace(/\s+/g, ' ').slice(0, 60)
  return `what answers is no Espruino: it says ${JSON.stringify(text)}. Is this the board's port, and is Espruino on the board (espruino.com/Download)?`
}

const silentWords =
  'nothing answers. Is the board powered, is this its console (not its line), is another program using the port? ' +
  'A program on the board may have moved the console away: plug in USB on boards that have it, or start the board with ' +
  'its button held down (BTN1), which keeps the program from starting.'

/** The content of an answer with the right CRC-32; `again` for what is not an answer all the same. */
function answerIn(json: string): { value: unknown } | { thrown: string } | 'again' {
  try {
    const answer = JSON.parse(json) as { v?: unknown; e?: unknown }
    return answer.e === undefined ? { value: answer.v } : { thrown: String(answer.e) }
  } catch {
    return 'again'
  }
}

/** What a console sends, and waiting for some of it. */
class ConsoleReader {
  /** The text received since it was last cleared. */
  received = ''
  private readonly timing: PromptTiming
  private lost = ''
  private wake: () => void = () => {}
  private mark = ''
  private take: ((text: string) => void) | undefined
  private rest = ''

  constructor(port: ConsolePort, timing: PromptTiming) {
    this.timing = timing
    port.onData((bytes) => {
      // Flow control (XON, XOFF) is not part of the text.
      const text = Buffer.from(bytes.filter((byte) => byte !== 0x11 && byte !== 0x13)).toString('latin1')
      this.received = (this.received + text).slice(-receivedMax)
      if (this.take !== undefined) this.splitLines(text)
      this.wake()
    })
    port.onClose((why) => {
      this.lost = why
      this.wake()
    })
  }

  /** Calls back with what comes on lines that begin with `mark`. */
  listen(mark: string, take: ((text: string) => void) | undefined): void {
    this.mark = mark
    this.rest = ''
    this.take = take
  }

  private splitLines(text: string): void {
    const lines = (this.rest + text).split(/\r?\n/)
    this.rest = (lines.pop() ?? '').slice(-4096)
    for (const line of lines) if (line.startsWith(this.mark)) this.take?.(line.slice(this.mark.length))
  }

  /** Waits until something is found in what was received; `undefined` when it does not come in time. @throws PromptError */
  async find<T>(look: () => T | undefined, withinMs: number): Promise<T | undefined> {
    const endMs = this.timing.nowMs() + withinMs
    for (;;) {
      const found = look()
      if (found !== undefined) return found
      if (this.lost !== '') throw new PromptError('lost', this.lost)
      const leftMs = endMs - this.timing.nowMs()
      if (leftMs <= 0) return undefined
      await new Promise<void>((resolve) => {
        const timer = this.timing.after(leftMs, resolve)
        this.wake = () => {
          timer.cancel()
          resolve()
        }
      })
    }
  }
}

/** One answer: its value, or `again` when the line or the answer was damaged. */
type Answer = { value: unknown } | { thrown: string } | 'again' | 'restarted'

/** The answer with this number in what was received; `undefined` when there is none yet. */
function findAnswer(received: string, number: number): Answer | undefined {
  for (const [, result = '', sum] of received.matchAll(new RegExp(`#${number} (.*) (\\d+)\\r?\\n`, 'g'))) {
    if (crc32(Buffer.from(result, 'latin1')) === Number(sum)) return answerIn(result)
  }
  if (/"R" is not defined|espruino\.com\r/.test(received)) return 'restarted'
  // A line of ours that is no longer code, or an answer that is damaged.
  const damaged = received.replace(new RegExp(`#${number} \\?\\r?\\n`, 'g'), '')
  return /Uncaught |#\d+ !|#.*\n/.test(damaged) ? 'again' : undefined
}

class ConnectedPrompt implements Prompt {
  version = ''
  board = ''
  private readonly port: ConsolePort
  private readonly baud: number
  private readonly timing: PromptTiming
  private readonly reader: ConsoleReader
  private number: number
  private interruptedAtMs = Number.NEGATIVE_INFINITY

  constructor(port: ConsolePort, baud: number, timing: PromptTiming) {
    this.port = port
    this.baud = baud
    this.timing = timing
    this.reader = new ConsoleReader(port, timing)
    // A late answer to somebody before must not be taken for one to us.
    this.number = Math.floor(timing.nowMs() % 1e6) * 1000
  }

  /** Asks for version and board: by enquiry, and as versions before 2v25 know it. @throws PromptError */
  async identify(): Promise<void> {
    const ask = `${ctrl.echoOff}print("\\nEspruino "+process.env.VERSION+" "+process.env.BOARD)\n`
    const identity = () => /Espruino (\d+v\d\S*) ([A-Z0-9_]+)\r?\n/.exec(this.reader.received) ?? undefined
    for (const question of [ctrl.enquiry, '', ctrl.enquiry, ask, ctrl.enquiry, ask]) {
      if (question === '') this.clear()
      else this.write(ctrl.u + question)
      const found = await this.reader.find(identity, question === '' ? 100 : 900)
      if (found === undefined) continue
      const [, version = '', board = ''] = found
      this.version = version
      this.board = board
      return
    }
    const { received } = this.reader
    if (received.length === 0) throw new PromptError('silent', silentWords)
    throw new PromptError('notEspruino', notEspruinoWords(received, this.baud))
  }

  /** Defines the function that answers. @throws PromptError */
  async defineAnswerer(): Promise<void> {
    for (let attempt = 0; attempt <= tries; attempt++) {
      this.reader.received = ''
      this.write(`${ctrl.u}${ctrl.echoOff}echo(0)\n`)
      await this.pause(50)
      this.send(answerer)
      this.send('print("#ready",typeof R)')
      const ready = () => /#ready function/.exec(this.reader.received) ?? undefined
      if (await this.reader.find(ready, 1500)) return
      this.clear()
      await this.pause(200)
    }
    throw new PromptError('lost', 'the board says who it is, and then does not answer any more')
  }

  async run(code: string, withinMs = answerMs): Promise<unknown> {
    this.number += 1
    const { number, reader } = this
    const line = `R(${number},${crc32(Buffer.from(number + code, 'latin1'))},${JSON.stringify(code)})`
    // As much again for the answer.
    const lineMs = ((line.length + 1024) * 10000) / this.baud
    const find = () => findAnswer(reader.received, number)
    const findReceipt = () => (reader.received.includes(`#${number} ?`) ? ('receipt' as const) : undefined)
    for (let attempt = 0; attempt < tries; attempt++) {
      reader.received = ''
      this.send(line)
      const first = await reader.find(() => find() ?? findReceipt(), receiptMs * Math.min(attempt + 1, 3) + lineMs)
      const answer = first === 'receipt' ? await reader.find(find, withinMs + lineMs) : first
      if (answer === 'restarted') throw new PromptError('restarted', 'the board restarted')
      if (answer !== undefined && answer !== 'again') {
        if ('value' in answer) return answer.value
        throw new PromptError('refused', answer.thrown)
      }
      // What is left of a damaged line must not spoil the next: of one line, or of several that wait for a bracket.
      // A board that is at work on it is not interrupted.
      if (attempt === 0 || first === 'receipt') this.write(ctrl.u)
      else this.clear()
      await this.pause(150)
    }
    throw new PromptError('lost', `the board does not answer any more (${tries} tries)`)
  }

  async restart(how: 'reset()' | 'load()'): Promise<void> {
    this.reader.received = ''
    this.send(how)
    await this.pause(300)
  }

  waitFor(words: RegExp, withinMs: number): Promise<RegExpExecArray | undefined> {
    return this.reader.find(() => words.exec(this.reader.received) ?? undefined, withinMs)
  }

  listen(mark: string, take: ((text: string) => void) | undefined): void {
    this.reader.listen(mark, take)
  }

  send(code: string): void {
    this.write(`${ctrl.echoOff}${code}\n`)
  }

  private write(text: string): void {
    this.port.write(Buffer.from(text, 'latin1'))
  }

  private pause(ms: number): Promise<void> {
    return new Promise((resolve) => void this.timing.after(ms, resolve))
  }

  /** Clears all input that was begun; where that was just tried, the last line of it. */
  private clear(): void {
    const isDue = this.timing.nowMs() - this.interruptedAtMs > interruptEveryMs
    if (isDue) this.interruptedAtMs = this.timing.nowMs()
    this.write(isDue ? ctrl.c : ctrl.u)
  }
}

/**
 * Finds the prompt behind a port, of a board on which nothing runs or a meter, and defines the function that answers.
 * @param baud bits per second of the port, for the time that bytes take
 * @throws PromptError
 */
export async function connectPrompt(port: ConsolePort, baud: number, timing = promptTiming): Promise<Prompt> {
  const prompt = new ConnectedPrompt(port, baud, timing)
  await prompt.identify()
  await prompt.defineAnswerer()
  return prompt
}
