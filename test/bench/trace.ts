// Recording the line and reading a recording: what each costs a frame, and that memory does not grow with the file.

import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { bytesOfFile } from '../../host/cli/trace.ts'
import { createOpener, type Opener } from '../../host/dco/opener.ts'
import { openRecording } from '../../host/trace/recording.ts'
import { addFrame, noTotals } from '../../host/trace/recording-totals.ts'
import { traceRecording } from '../../host/trace/sessions.ts'
import { recordedKey, recordLine } from '../support/sim/recorded-line.ts'
import type { Bench } from './row.ts'

const copies = 1500

/** Traces a file; `each` is called after every frame. */
function traced(path: string, opener?: Opener, each = (_frames: number) => {}): { frames: number; ms: number } {
  const file = bytesOfFile(path)
  const totals = noTotals()
  const startMs = performance.now()
  for (const frame of traceRecording(file.take, { packets: 0, linkTypes: new Set() }, opener)) {
    addFrame(totals, frame)
    each(totals.frames)
  }
  file.close()
  return { frames: totals.frames, ms: performance.now() - startMs }
}

/** MB that are held when so many frames of a file have been traced, garbage collected. */
function heldMb(path: string, opener: Opener, after: number): number {
  setFlagsFromString('--expose-gc')
  const collect = runInNewContext('gc') as () => void
  let held = 0
  traced(path, opener, (frames) => {
    if (frames !== after) return
    collect()
    held = process.memoryUsage().heapUsed / 1e6
  })
  return held
}

async function recorded(path: string, frames: readonly Uint8Array[]): Promise<number> {
  const recording = openRecording(path, 'bench', Date.now, (problem) => {
    throw new Error(problem)
  })
  const open = recording.tap(async () => ({ write() {}, async close() {} }))
  const port = await open('line', 115200, { data() {}, closed() {} })
  const startMs = performance.now()
  for (const frame of frames) port.write(frame)
  const tookMs = performance.now() - startMs
  recording.close()
  return tookMs
}

export const trace: Bench = async () => {
  const folder = mkdtempSync(join(tmpdir(), 'smets1-bench-'))
  const row = (name: string, value: number, unit: string) => ({ bench: 'trace', name, value, unit })
  try {
    const one = join(folder, 'one.pcapng')
    const { bytes } = await recordLine(one, 1)
    const packets = readFileSync(one)
    const many = join(folder, 'many.pcapng')
    // Sections one after the other are one file.
    writeFileSync(many, Buffer.concat(Array.from({ length: copies }, () => packets)))
    const frames = Array.from({ length: 20000 }, (_, i) => new Uint8Array(200).fill(1 + (i % 255), 0, 199))
    const recordMs = await recorded(join(folder, 'recorded.pcapng'), frames)
    const sealed = traced(many)
    const opener = createOpener({ key: () => recordedKey })
    const opened = traced(many, opener)
    return [
      row('recording a frame of 200 bytes', (recordMs * 1000) / frames.length, 'µs'),
      row('bytes of a recording for each on the line', statSync(one).size / (bytes.toDevice + bytes.toHost), ''),
      row('tracing, sealed', (sealed.frames * 1000) / sealed.ms, 'frames/s'),
      row('tracing, opened with keys', (opened.frames * 1000) / opened.ms, 'frames/s'),
      row('size of that recording', statSync(many).size / 1e6, 'MB'),
      row('memory held after a hundredth of it', heldMb(many, opener, Math.floor(opened.frames / 100)), 'MB'),
      row('memory held at its end', heldMb(many, opener, opened.frames), 'MB'),
    ]
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}
