// smets1 trace: what a recording of the line holds, frame by frame; and the dissector for Wireshark.

import { closeSync, openSync, readSync } from 'node:fs'
import { createOpener, type Opener, openKeys } from '../dco/opener.ts'
import { CommandError, exitCode } from '../state/errors.ts'
import { dissector } from '../trace/dissector.ts'
import { RecordingError, type SkippedPackets, type TakeBytes } from '../trace/pcapng-read.ts'
import { addFrame, noTotals, totalsText } from '../trace/recording-totals.ts'
import { type TracedFrame, traceRecording } from '../trace/sessions.ts'
import { frameJson, frameText } from '../trace/show-frame.ts'
import { type Command, type Io, type Options, textOption } from './command.ts'
import { euiOption } from './request-options.ts'

/** A file's bytes in order, through a buffer of its own. @throws CommandError when it cannot be opened */
export function bytesOfFile(path: string): { take: TakeBytes; close(): void } {
  let file: number
  try {
    file = openSync(path, 'r')
  } catch (error) {
    throw new CommandError(exitCode.usage, `the recording cannot be opened: ${(error as Error).message}`)
  }
  const buffer = new Uint8Array(1 << 16)
  let from = 0
  let to = 0
  const take: TakeBytes = (count) => {
    const bytes = new Uint8Array(count)
    let used = 0
    while (used < count) {
      if (from === to) {
        from = 0
        to = readSync(file, buffer)
        if (to === 0) return bytes.subarray(0, used)
      }
      const some = Math.min(count - used, to - from)
      bytes.set(buffer.subarray(from, from + some), used)
      used += some
      from += some
    }
    return bytes
  }
  return { take, close: () => closeSync(file) }
}

/** Keys to open a recording with. @throws CommandError with the exit code for keys */
export function openerOption(options: Options): Opener | undefined {
  const path = textOption(options, 'keys')
  if (path === undefined) return undefined
  try {
    return createOpener(openKeys(path))
  } catch (error) {
    throw new CommandError(exitCode.keyMissing, `--keys ${path}: ${(error as Error).message}`)
  }
}

function skippedText({ packets, linkTypes }: SkippedPackets): string {
  const types = linkTypes.size > 0 ? ` of link type ${[...linkTypes].slice(0, 8).join(', ')}` : ''
  return `${packets} packets${types} are no line (link type 147) and were passed over\n`
}

function trace(path: string, options: Options, io: Io): number {
  const device = euiOption(options, 'device')
  const opener = openerOption(options)
  const full = options.full === true
  const skipped: SkippedPackets = { packets: 0, linkTypes: new Set() }
  const totals = noTotals()
  const file = bytesOfFile(path)
  let date = ''
  let others = 0
  let fault: string | undefined
  const show = (frame: TracedFrame) => {
    if (options.json === true) {
      io.stdout(`${JSON.stringify(frameJson(frame, full))}\n`)
      return
    }
    const today = new Date(frame.atMs).toISOString().slice(0, 10)
    if (today !== date) io.stdout(`${today} UTC\n`)
    date = today
    io.stdout(frameText(frame, full))
  }
  try {
    for (const frame of traceRecording(file.take, skipped, opener)) {
      if (device !== undefined && frame.eui !== device) others += 1
      else {
        addFrame(totals, frame)
        show(frame)
      }
    }
  } catch (error) {
    if (!(error instanceof RecordingError)) throw error
    fault = error.message
  } finally {
    file.close()
  }
  if (options.json === true) io.stdout(`${JSON.stringify({ totals, others, skipped: skipped.packets, fault })}\n`)
  else if (totals.frames > 0 || fault === undefined) io.stdout(totalsText(totals))
  if (others > 0) io.stderr(`${others} frames of other meters, or of none, are left out\n`)
  if (skipped.packets > 0) io.stderr(skippedText(skipped))
  if (fault === undefined && totals.frames + others === 0 && skipped.packets > 0) fault = 'it holds no line'
  if (fault !== undefined) io.stderr(`smets1: ${path} cannot be read to its end: ${fault}\n`)
  return fault === undefined ? exitCode.ok : exitCode.failed
}

export const traceCommand: Command = {
  name: 'trace',
  argument: '[file]',
  summary: 'show a recording of the line (--record) frame by frame',
  options: [
    ['--keys <file>', 'decrypt with a DCO vault (.smets1/dco/vault), or with a file that holds one key in hexadecimal'],
    ['--device <eui>', 'only frames to and from this meter'],
    ['--full', 'also show each day block, register snapshot and event'],
    ['--dissector', 'print the Wireshark dissector instead of reading a file'],
    ['--json', 'one JSON object per frame, the totals last'],
  ],
  examples: [
    'smets1 trace line.pcapng --keys .smets1/dco/vault',
    'smets1 trace --dissector > smets1.lua; wireshark -X lua_script:smets1.lua line.pcapng',
  ],
  async run(options, io) {
    if (options.dissector === true) {
      io.stdout(dissector())
      return exitCode.ok
    }
    if (options.argument === undefined) throw new CommandError(exitCode.usage, 'name the recording to trace')
    return trace(String(options.argument), options, io)
  },
}
