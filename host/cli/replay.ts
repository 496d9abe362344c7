// smets1 replay: the asks of a recording, sent to a meter again.

import { decodeAsk } from '../../protocol/messages.ts'
import { createOpener } from '../dco/opener.ts'
import { CommandError, exitCode } from '../state/errors.ts'
import { comparisonText } from '../trace/compare.ts'
import { alwaysDiffers } from '../trace/differ-rules.ts'
import { RecordingError } from '../trace/pcapng-read.ts'
import { type RecordedSession, recordedSessions } from '../trace/recorded-asks.ts'
import { type Played, replay } from '../trace/replay-asks.ts'
import { traceRecording } from '../trace/sessions.ts'
import { messageText } from '../trace/show-frame.ts'
import { type Command, type Io, type Options, portOption } from './command.ts'
import { lineFlags, talking, vaultOption } from './line-options.ts'
import { euiOption } from './request-options.ts'
import { bytesOfFile } from './trace.ts'

/** What to play. @throws CommandError when the recording has nothing of it, or cannot be opened */
function recordedIn(path: string, options: Options, io: Io): RecordedSession[] {
  const file = bytesOfFile(path)
  const device = euiOption(options, 'device')
  try {
    const skipped = { packets: 0, linkTypes: new Set<number>() }
    const frames = traceRecording(file.take, skipped, createOpener(vaultOption(options)))
    const { sessions, sealed, opened, tooMany } = recordedSessions(frames, device)
    if (sessions.length === 0) {
      if (sealed > 0 && opened === 0)
        throw new CommandError(
          exitCode.keyMissing,
          `none of ${sealed} sealed frames of ${path} opens with the keys given`,
        )
      throw new CommandError(exitCode.usage, `${path} holds no ask${device === undefined ? '' : ` to ${device}`}`)
    }
    if (opened < sealed) io.stderr(`${sealed - opened} of ${sealed} sealed frames do not open, and are not played\n`)
    if (tooMany) io.stderr('the recording is too long: only its first asks are played\n')
    return sessions
  } catch (error) {
    if (!(error instanceof RecordingError)) throw error
    throw new CommandError(exitCode.failed, `${path} cannot be read to its end: ${error.message}`)
  } finally {
    file.close()
  }
}

function askText({ message }: Played): string {
  const ask = decodeAsk(message)
  return 'error' in ask ? '' : messageText({ is: 'ask', ...ask })
}

function show(one: Played, json: boolean, io: Io): void {
  const { session, counter, name, comparison, why } = one
  if (json) {
    const { differences, leftOut, bytes } = comparison ?? {}
    const left = leftOut && Object.fromEntries([...leftOut].map(([reason, fields]) => [reason, [...fields]]))
    io.stdout(
      `${JSON.stringify({ session, ask: counter, name, notCompared: why, bytes, differences, leftOut: left })}\n`,
    )
    return
  }
  const verdict = comparison ? comparisonText(comparison, ['recorded', 'now']) : `not compared: ${why}`
  io.stdout(`    ${verdict}\n`)
}

/** The ask is printed before the answer, which may take long. */
function showAsk(one: Played, json: boolean, io: Io): void {
  if (!json) io.stdout(`session ${one.session} ask ${one.counter}: ${askText(one)}\n`)
}

export const replayCommand: Command = {
  name: 'replay',
  argument: '<file>',
  summary: 'send the requests of a recording to a meter again, and show where its answers differ',
  options: [
    'What is replayed',
    ['--port <url>', 'the line to the meter: /dev/ttyUSB0, tcp://host:port or unix:///path'],
    ['--device <eui>', 'only the sessions with this meter'],
    ['--to <eui>', 'ask this meter instead of the recorded one'],
    ['--changes', 'also send commands that change the meter: billing, clock, settings, acknowledged alerts'],
    ...lineFlags,
    ['--json', 'one JSON object per request, the result last'],
  ],
  examples: [
    'smets1 replay line.pcapng --port /dev/ttyUSB0',
    'smets1 replay line.pcapng --port tcp://127.0.0.1:7000 --to 00-DB-12-34-56-78-90-A1 --keys .smets1/dco/vault',
  ],
  async run(options, io) {
    const path = String(options.argument)
    const port = portOption(options, 'port')
    if (port === undefined) throw new CommandError(exitCode.usage, 'name the line to the meter with --port')
    const eui = euiOption(options, 'to')
    const json = options.json === true
    const recorded = recordedIn(path, options, io)
    const counts = { sessions: recorded.length, asks: 0, compared: 0, different: 0 }
    if (!json) io.stdout(`always different, and not compared: ${alwaysDiffers}\n`)
    await talking(options, io, ({ timing, sessions, timeoutMs, lineTo }) => {
      const parts = { timing, sessions, timeoutMs, line: lineTo(port), eui, withChanges: options.changes === true }
      const take = (one: Played) => {
        counts.asks += 1
        if (one.comparison !== undefined) counts.compared += 1
        if (one.comparison !== undefined && one.comparison.differences.length > 0) counts.different += 1
        show(one, json, io)
      }
      return replay(recorded, parts, take, (one) => showAsk(one, json, io))
    })
    const { asks, compared, different } = counts
    const verdict = different === 0 ? 'all equal' : `${different} different`
    if (json) io.stdout(`${JSON.stringify({ result: counts })}\n`)
    else io.stdout(`asks ${asks}, sessions ${recorded.length}, answers compared ${compared}: ${verdict}\n`)
    return different === 0 ? exitCode.ok : exitCode.failed
  },
}
