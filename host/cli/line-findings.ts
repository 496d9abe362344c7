// What `smets1 doctor` finds on the line itself: the device at the other end, the losses, whether the key is right.

import { dayMs } from '../../protocol/half-hour.ts'
import type { Dco } from '../dco/sealer.ts'
import { ask } from '../wan/ask.ts'
import { type OpenPort, PortError } from '../wan/bindings.ts'
import type { Conversation } from '../wan/conversation.ts'
import { consoleOf, type LineTraffic } from '../wan/diagnosis.ts'
import { defaultLineLimits } from '../wan/line-limits.ts'
import { type LossRow, testAsks, testLoopback, testWakes } from '../wan/line-test.ts'
import { readClock, setClockIfOff } from '../wan/meter-clock.ts'
import { createMeterSessions } from '../wan/meter-session.ts'
import { ReadError } from '../wan/read-error.ts'
import { createLine, type Line, type Timing } from '../wan/serial-line.ts'
import { noUsage } from '../wan/usage.ts'
import type { Finding } from './port-findings.ts'
import { silentSocket, socketFindings } from './socket-findings.ts'

export interface LineTest {
  url: string
  baud: number
  /** The meter that is expected; `undefined` when none is known. */
  eui: string | undefined
  dco: Dco
  /** Frames, or asks, of a test. */
  frames: number
  /** Sets the meter's clock when it is more than two seconds off, or lost. */
  setClock: boolean
  confirmClock: boolean
  openPort: OpenPort
  timing: Timing
  randomBytes(count: number): Uint8Array
  progress(text: string): void
}

/** Speeds that are tried: with a plug all of them, else until a meter answers. */
const bauds = [9600, 19200, 38400, 57600, 115200, 230400, 460800, 921600] as const

const wakes = 3
/** Asks that must all fail before the key is named as the cause. */
const keyAsks = 3
/** A clock further off than this is reported. */
const clockOffMs = 2000
const sessionMs = 600000

const count = (number: number) => String(number).replace(/\B(?=(\d{3})+$)/g, ',')

function lineAt(test: LineTest, baud: number): Line {
  return createLine(test.url, test.openPort, { ...defaultLineLimits, baud }, test.timing)
}

/** Woken where no meter is known: another device may answer with bytes that identify it. */
const nobodysEui = '02-00-00-00-00-00-00-00'

async function wakesAt(test: LineTest, baud: number, tries: number): Promise<{ awakes: number; traffic: LineTraffic }> {
  const line = lineAt(test, baud)
  try {
    const { timing, eui = nobodysEui, randomBytes } = test
    return await line.use(noUsage(), async (turn) => {
      const awakes = await testWakes(turn, timing, eui, tries, randomBytes)
      return { awakes, traffic: turn.traffic }
    })
  } finally {
    await line.close()
  }
}

/** How good a line is by what it lost. */
function lossFinding(row: LossRow): Finding {
  const { baud, sent, lost, damaged, roundTripMs } = row
  const trip =
    roundTripMs === undefined ? '' : `; round trip ${roundTripMs.median} ms (${roundTripMs.min} to ${roundTripMs.max})`
  const text = `${count(baud)} baud: ${sent} sent, ${lost} lost, ${damaged} damaged${trip}`
  if (lost === 0 && damaged === 0) return { check: 'line', state: 'ok', text }
  const fix =
    'use a lower speed, a shorter cable with its ground connected, or another adapter; reads are repeated until then'
  return { check: 'line', state: lost * 100 > sent ? 'wrong' : 'warning', text, fix }
}

/** A loopback plug echoes, and so does an RS-485 adapter on two wires, even when the meter behind it is dead. */
function comesBack({ eui }: LineTest): Finding {
  const text = `what is sent comes back, and ${eui ?? 'a meter'} does not answer: this is a loopback plug, or an adapter that receives its own bytes (RS-485)`
  const fix = 'without a plug: is the meter powered, A to A and B to B; the table below is of this port alone'
  return { check: 'meter', state: 'warning', text, fix }
}

async function loopback(test: LineTest): Promise<{ findings: Finding[]; loss: LossRow[] } | undefined> {
  const at = async (baud: number, frames: number) => {
    const line = lineAt(test, baud)
    try {
      return await testLoopback(line, test.timing, frames, test.randomBytes)
    } finally {
      await line.close()
    }
  }
  if ((await at(test.baud, 2)).lost === 2) return undefined
  const loss: LossRow[] = []
  // A socket has no speed.
  for (const baud of /^(tcp|unix):/.test(test.url) ? [test.baud] : bauds) {
    test.progress(`loopback plug at ${baud} baud`)
    try {
      loss.push(await at(baud, test.frames))
    } catch (error) {
      // The adapter does not support this speed.
      if (!(error instanceof PortError)) throw error
    }
  }
  return { findings: [comesBack(test), ...loss.map(lossFinding)], loss }
}

/** What is read from the meter in one session. */
async function askMeter(test: LineTest, conversation: Conversation, dropped: () => number) {
  const { timing } = test
  const tried = await testAsks(conversation, timing, test.baud, keyAsks, dropped)
  if (tried.lost === keyAsks) return undefined
  const before = await ask(conversation, 'selfTest', {})
  test.progress(`${test.frames} asks to the meter`)
  const row = await testAsks(conversation, timing, test.baud, test.frames, dropped)
  const after = await ask(conversation, 'selfTest', {})
  const inventory = await ask(conversation, 'readInventory', {})
  const clock = await readClock(conversation, timing)
  const isAllowed = test.confirmClock || (clock.aheadMs ?? 0) >= -dayMs
  const { aheadMs } =
    test.setClock && isAllowed ? (await setClockIfOff(conversation, timing, clockOffMs, test.confirmClock)).now : clock
  return { row, aheadMs, inventory, faults: after.faults, toMeterDropped: after.framesDropped - before.framesDropped }
}

function clockFinding(aheadMs: number | undefined): Finding {
  const confirmation = (aheadMs ?? 0) < -dayMs ? ' --confirm-clock' : ''
  const fix = `smets1 doctor --set-clock${confirmation} with the same options sets it by this machine’s`
  if (aheadMs === undefined) {
    return { check: 'clock', state: 'wrong', text: 'the meter has lost the time: it records no half-hours', fix }
  }
  const text = `${Math.abs(aheadMs)} ms ${aheadMs < 0 ? 'behind' : 'ahead of'} this machine’s`
  return Math.abs(aheadMs) > clockOffMs
    ? { check: 'clock', state: 'warning', text, fix }
    : { check: 'clock', state: 'ok', text }
}

async function meter(test: LineTest, eui: string, awakes: number): Promise<{ findings: Finding[]; loss: LossRow[] }> {
  const isHere = { check: 'meter', state: 'ok' as const, text: `${eui} wakes, ${awakes} of ${wakes} times` }
  if (test.dco.open(eui) === undefined) {
    const fix = 'name the state directory whose DCO has it: --state DIR'
    return {
      findings: [isHere, { check: 'key', state: 'warning', text: `there is no key for ${eui} here`, fix }],
      loss: [],
    }
  }
  const line = lineAt(test, test.baud)
  const usage = noUsage()
  const task = { deadlineMs: test.timing.nowMs() + sessionMs, usage }
  const sessions = createMeterSessions({ dco: test.dco, timing: test.timing })
  try {
    const dropped = () => usage.framesDropped + usage.notOpened
    const found = await sessions.withSession(line, eui, task, (conversation) => askMeter(test, conversation, dropped))
    if (found === undefined) {
      const text = `the meter wakes and answers no ask: the line is good (${awakes} of ${wakes} wakes), the DCO’s key is not the meter’s`
      const fix = `give it a key: smets1 provision --eui ${eui} --replace, then take its settings file to the meter`
      return { findings: [isHere, { check: 'key', state: 'wrong', text, fix }], loss: [] }
    }
    const { row, aheadMs, inventory, faults, toMeterDropped } = found
    const { manufacturer, model, firmwareVersion } = inventory
    const damage = { ...row, damaged: row.damaged + toMeterDropped }
    const logFaults = faults & ~1
    return {
      findings: [
        isHere,
        { check: 'key', state: 'ok', text: 'the DCO’s key is the meter’s' },
        lossFinding(damage),
        clockFinding(aheadMs),
        { check: 'firmware', state: 'ok', text: `${manufacturer} ${model}, version ${firmwareVersion}` },
        logFaults === 0
          ? { check: 'self-test', state: 'ok', text: 'its self-test finds no fault in the logs' }
          : {
              check: 'self-test',
              state: 'wrong',
              text: `its logs have faults (bits ${logFaults}, SPEC.md section 7)`,
              fix: 'read what it has, then replace its flash',
            },
      ],
      loss: [damage],
    }
  } finally {
    await line.close()
  }
}

/** The device that is on the port in place of a meter. */
function nobody(test: LineTest, traffic: LineTraffic): Finding {
  const found = consoleOf(traffic)
  if (found !== undefined) {
    const text =
      found === 'Espruino'
        ? 'a prompt answers on this port'
        : 'this port writes text or echoes, as a console does: a prompt, or a login'
    const fix =
      'this is a console and not the meter’s line: name the port at the other end of the line; the line must not be a login console'
    return { check: 'meter', state: 'wrong', text, fix }
  }
  if (traffic.bytes > 0) {
    const fix =
      'the speed of meter and bridge must be the same (--baud); another program or device may be sending on the line'
    return { check: 'meter', state: 'wrong', text: `${traffic.bytes} bytes came, and no frame at any speed`, fix }
  }
  if (test.url.startsWith('tcp:')) return silentSocket(test.eui ?? 'a meter')
  const fix =
    'is it powered; TX to RX and RX to TX, ground to ground; does it have settings (smets1 flash says); a plug that connects TX and RX of this port tests the port alone'
  const who = test.eui ?? 'a meter (none is known here: --device EUI or --state DIR)'
  return { check: 'meter', state: 'wrong', text: `nothing comes back from ${who} at any speed`, fix }
}

/** Tests a line: with the meter at its other end, or with a loopback plug. Over TCP, listens to the other end first. */
export async function lineFindings(test: LineTest): Promise<{ findings: Finding[]; loss: LossRow[] }> {
  try {
    const greeting = test.url.startsWith('tcp:') ? await socketFindings(lineAt(test, test.baud)) : []
    // What speaks telnet or closes needs no further test.
    if (greeting.some(({ state }) => state === 'wrong')) return { findings: greeting, loss: [] }
    const { findings, loss } = await testLine(test)
    return { findings: [...greeting, ...findings], loss }
  } catch (error) {
    if (!(error instanceof PortError) && !(error instanceof ReadError)) throw error
    return { findings: [{ check: 'line', state: 'wrong', text: error.message }], loss: [] }
  }
}

async function testLine(test: LineTest): Promise<{ findings: Finding[]; loss: LossRow[] }> {
  const { awakes, traffic } = await wakesAt(test, test.baud, wakes)
  if (awakes > 0 && test.eui !== undefined) return await meter(test, test.eui, awakes)
  const plug = await loopback(test)
  if (plug !== undefined) return plug
  let all = traffic
  const others =
    test.eui === undefined || /^(tcp|unix):/.test(test.url) ? [] : bauds.filter((baud) => baud !== test.baud)
  for (const baud of others) {
    test.progress(`is the meter at ${baud} baud?`)
    const found = await wakesAt(test, baud, 1)
    if (found.awakes > 0) {
      const text = `${test.eui} answers at ${count(baud)} baud, not at ${count(test.baud)}`
      return { findings: [{ check: 'meter', state: 'wrong', text, fix: `--baud ${baud}` }], loss: [] }
    }
    // What can be read at one speed is garbage at the others.
    if (all.bytes === 0 || consoleOf(all) === undefined) all = found.traffic.bytes > 0 ? found.traffic : all
  }
  return { findings: [nobody(test, all)], loss: [] }
}
