// Wakes a meter, asks, gathers the blocks of the answers, sends it back to sleep (protocol/SPEC.md section 6).

import { euiToBytes, sameBytes } from '../../protocol/bytes.ts'
import { decodePacket, encodeSealedAsk, encodeWake, type SealedAnswer } from '../../protocol/link.ts'
import { decodeAnswer, encodeAsk } from '../../protocol/messages.ts'
import { type Dco, type DcoSession, dcoBudgetMs } from '../dco/sealer.ts'
import { PortError } from './bindings.ts'
import { threeFramesMs, wakePreambleBytes } from './limits.ts'
import type { Line, Timing, Turn } from './line.ts'
import { type Block, type HalfHourRange, readBlocks, uncovered } from './profile-blocks.ts'
import type { Reading } from './reading.ts'
import type { Usage } from './usage.ts'

/** Why a meter could not be read. */
export type ReadFault =
  | 'no key'
  | 'no port'
  | 'no awake'
  | 'no answer'
  | 'refused'
  | 'rubbish'
  | 'DCO too slow'
  | 'too late'

export class ReadError extends Error {
  readonly fault: ReadFault
  constructor(fault: ReadFault, detail: string) {
    super(detail)
    this.fault = fault
  }
}

export interface MeterReader {
  line: Line
  dco: Dco
  timing: Timing
}

/** Awaits a DCO call within its budget, and counts it. */
async function timed<T>(timing: Timing, usage: Usage, call: Promise<T>): Promise<T> {
  const startMs = timing.nowMs()
  let timer: { cancel(): void } | undefined
  const late = new Promise<never>((_, reject) => {
    timer = timing.after(dcoBudgetMs, () => {
      usage.dcoSlow += 1
      reject(new ReadError('DCO too slow', `the DCO took longer than ${dcoBudgetMs} ms`))
    })
  })
  try {
    return await Promise.race([call, late])
  } finally {
    timer?.cancel()
    usage.dcoCalls += 1
    usage.dcoMsMax = Math.max(usage.dcoMsMax, timing.nowMs() - startMs)
  }
}

/** Milliseconds to wait: the try's share, but never beyond the deadline. */
function waitMs(timing: Timing, deadlineMs: number, firstMs: number, tries: number): number {
  const left = deadlineMs - timing.nowMs()
  if (left <= 0) throw new ReadError('too late', 'the target response time is used up')
  return Math.min(left, firstMs * 2 ** tries)
}

async function wake(
  reader: MeterReader,
  turn: Turn,
  eui: string,
  usage: Usage,
  deadlineMs: number,
): Promise<DcoSession> {
  const { timing } = reader
  for (let tries = 0; tries < turn.limits.wakeTries; tries++) {
    const session = reader.dco.open(eui)
    if (session === undefined) throw new ReadError('no key', `the DCO has no key for ${eui}: provision the meter first`)
    turn.send(encodeWake(euiToBytes(eui), session.hostNonce), wakePreambleBytes)
    usage.wakeUps += 1
    const untilMs =
      timing.nowMs() + waitMs(timing, deadlineMs, turn.limits.awakeMs + threeFramesMs(turn.limits.baud), tries)
    while (timing.nowMs() < untilMs) {
      const bytes = await turn.receive(untilMs - timing.nowMs())
      if (bytes === undefined) break
      const packet = decodePacket(bytes)
      // A late awake to an earlier wake carries that wake's tag.
      if (packet?.kind !== 'awake' || !sameBytes(packet.tag, session.hostNonce.subarray(0, 2))) continue
      if (packet.version !== 1) {
        throw new ReadError('rubbish', `${eui} speaks version ${packet.version} of the line, this bridge version 1`)
      }
      usage.sessions += 1
      session.bind(packet.boot, packet.session)
      return session
    }
    if (!turn.open()) throw new ReadError('no port', 'the line went away')
  }
  throw new ReadError(
    'no awake',
    `${eui} does not wake after ${turn.limits.wakeTries} tries: is it powered, and on this line?`,
  )
}

/** Asks under way in a session: what was asked with which counter, and the blocks that came for it. */
interface Asked {
  range: HalfHourRange
  blocks: Map<number, Block>
  lastBlock: number | undefined
}

async function take(
  reader: MeterReader,
  session: DcoSession,
  answer: SealedAnswer,
  asked: Map<number, Asked>,
  usage: Usage,
): Promise<Asked | undefined> {
  const ask = asked.get(answer.counter)
  if (ask === undefined || ask.blocks.has(answer.block)) return undefined
  const message = await timed(reader.timing, usage, session.openAnswer(answer))
  if (message === undefined) {
    usage.notOpened += 1
    return undefined
  }
  const decoded = decodeAnswer('readProfile', message)
  if (decoded !== undefined && 'error' in decoded) {
    throw new ReadError('refused', `the meter refuses the read with error ${decoded.error}`)
  }
  const days = decoded === undefined ? undefined : readBlocks(decoded.fields.blocks)
  if (days === undefined) throw new ReadError('rubbish', 'the meter sealed an answer that is not day blocks')
  ask.blocks.set(answer.block, days)
  if (answer.last) ask.lastBlock = answer.block
  return ask
}

/** True when every block up to the last has come. */
function complete(ask: Asked): boolean {
  return ask.lastBlock !== undefined && ask.blocks.size === ask.lastBlock + 1
}

/** Asks for a range and gathers what comes until it is whole or nothing comes any more. Answers what is still missing. */
async function askFor(
  reader: MeterReader,
  turn: Turn,
  session: DcoSession,
  channel: number,
  range: HalfHourRange,
  asked: Map<number, Asked>,
  usage: Usage,
  wait: () => number,
): Promise<{ left: HalfHourRange[]; progress: boolean }> {
  const message = encodeAsk('readProfile', { channel, firstHalfHour: range.first, count: range.count })
  const { counter, sealed } = await timed(reader.timing, usage, session.sealAsk(message))
  const mine: Asked = { range, blocks: new Map(), lastBlock: undefined }
  asked.set(counter, mine)
  turn.send(encodeSealedAsk(counter, sealed))
  usage.asks += 1
  let progress = false
  for (;;) {
    const bytes = await turn.receive(wait())
    if (bytes === undefined) return { left: uncovered(mine.range, mine.blocks, mine.lastBlock), progress }
    const packet = decodePacket(bytes)
    if (packet?.kind !== 'answer') continue
    // A slow meter may be answering an earlier ask of this session: what it says is as good.
    const ask = await take(reader, session, packet, asked, usage)
    if (ask === undefined) continue
    progress = true
    if (
      complete(ask) &&
      ask.range.first <= range.first &&
      ask.range.first + ask.range.count >= range.first + range.count
    ) {
      return { left: uncovered(ask.range, ask.blocks, ask.lastBlock), progress }
    }
  }
}

/**
 * Reads the half-hours `first` to `first + count - 1` of a channel from a meter, within the deadline.
 * Half-hours that the meter has not recorded come back with `wh` undefined. What it cost is added to `usage`.
 * @throws ReadError
 */
export async function readProfile(
  reader: MeterReader,
  eui: string,
  channel: number,
  first: number,
  count: number,
  deadlineMs: number,
  usage: Usage,
): Promise<Reading[]> {
  const { timing } = reader
  const asked = new Map<number, Asked>()
  const gather = async (turn: Turn) => {
    const session = await wake(reader, turn, eui, usage, deadlineMs)
    const firstWaitMs = turn.limits.blockMs + threeFramesMs(turn.limits.baud)
    let left: HalfHourRange[] = [{ first, count }]
    let tries = 0
    while (left.length > 0) {
      const range = left.shift()!
      const result = await askFor(reader, turn, session, channel, range, asked, usage, () =>
        waitMs(timing, deadlineMs, firstWaitMs, tries),
      )
      left = [...result.left, ...left]
      tries = result.progress ? 0 : tries + 1
      if (!turn.open()) throw new ReadError('no port', 'the line went away during the read')
      if (tries >= turn.limits.askTries) {
        throw new ReadError('no answer', `${eui} is awake and answers nothing that opens: its key may not be the DCO's`)
      }
    }
    const { counter, sealed } = await timed(timing, usage, session.sealAsk(encodeAsk('sleep', {})))
    turn.send(encodeSealedAsk(counter, sealed))
  }
  try {
    await reader.line.use(usage, gather)
  } catch (error) {
    if (error instanceof PortError) throw new ReadError('no port', error.message)
    throw error
  }
  const found = new Map<number, Reading>()
  for (const ask of asked.values())
    for (const block of ask.blocks.values()) for (const reading of block.readings) found.set(reading.halfHour, reading)
  return Array.from(
    { length: count },
    (_, i) => found.get(first + i) ?? { halfHour: first + i, wh: undefined, marked: false },
  )
}
