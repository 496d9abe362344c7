// GPIO without a Pi: tools in memory for tests of the logic, and programs on PATH in place of libgpiod's.

import { spawnSync } from 'node:child_process'
import {
  chmodSync,
  closeSync,
  constants,
  mkdtempSync,
  openSync,
  readFileSync,
  rmSync,
  writeFileSync,
  writeSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { VirtualClock } from '../../../emulation/virtual-clock.ts'
import type { Timers } from '../../../hardware/emulator/emulated-board.ts'
import type { GpioTools } from '../../../hardware/pi/gpio-tools.ts'

export const printedVersion = { 1: 'gpiomon (libgpiod) v1.6.3\nCopyright', 2: 'gpiomon (libgpiod) v2.2.1\nCopyright' }

/** One gpiomon that was started. */
export interface FakeMonitor {
  args: string[]
  says(text: string): void
  ends(words: string): void
  stopped: boolean
}

export interface FakeTools extends GpioTools {
  /** Everything started so far, oldest first. */
  monitors: FakeMonitor[]
}

/** Tools of a machine with these chips; `undefined` for a tool that is not installed. */
export function fakeTools(
  version: string | undefined,
  detected: string | undefined = 'gpiochip0 [pinctrl-bcm2711] (58 lines)\n',
  chips = ['/dev/gpiochip0'],
): FakeTools {
  const monitors: FakeMonitor[] = []
  return {
    monitors,
    chips: () => chips,
    chipProblem: (path) => (chips.includes(path) ? undefined : `${path} does not exist.`),
    run: async (tool) => (tool === 'gpiomon' ? version : detected),
    monitor(args, on) {
      const monitor = { args, says: on.text, ends: on.ended, stopped: false }
      monitors.push(monitor)
      return () => {
        monitor.stopped = true
      }
    },
  }
}

/** A virtual clock as a board takes it. */
export function timersOf(clock: VirtualClock): Timers {
  return {
    nowMs: clock.nowMs,
    set: (due, delayMs) => clock.after(delayMs, due),
    clear: (timer) => (timer as { cancel(): void } | undefined)?.cancel(),
  }
}

/** Programs in a folder of their own; lines are pipes that a test writes edges into. */
export interface FakePrograms {
  /** To be put first on PATH. */
  folder: string
  /** Writes to what watches a line: `2 12.000000000\n` is a falling edge of version 2. */
  write(line: number, text: string): void
  /** The process that watches a line, and the arguments it was started with. */
  watcher(line: number): { pid: number; args: string[] }
  remove(): void
}

/** A gpiomon of version 2 and a gpiodetect; `busy` makes gpiomon refuse every line. */
export function fakePrograms(lines: number[], busy = false): FakePrograms {
  const folder = mkdtempSync(join(tmpdir(), 'smets1-gpio-'))
  const pipes = new Map<number, number>()
  for (const line of lines) {
    spawnSync('mkfifo', [join(folder, `line-${line}`)])
    // For reading too: neither end waits for the other then.
    pipes.set(line, openSync(join(folder, `line-${line}`), constants.O_RDWR))
  }
  const refuse = 'echo "gpiomon: unable to request lines on chip /dev/null: Device or resource busy" >&2; exit 1'
  const programs = {
    gpiodetect: 'echo "gpiochip0 [pinctrl-bcm2711] (58 lines)"',
    gpiomon: `if [ "$1" = --version ]; then echo "gpiomon (libgpiod) v2.2.1"; exit; fi
for line; do :; done
${busy ? refuse : ''}
echo "$$ $*" > ${folder}/watcher-$line
echo "Monitoring line '$line'..."
exec cat ${folder}/line-$line`,
  }
  for (const [name, script] of Object.entries(programs)) {
    writeFileSync(join(folder, name), `#!/bin/sh\n${script}\n`)
    chmodSync(join(folder, name), 0o755)
  }
  return {
    folder,
    write: (line, text) => void writeSync(pipes.get(line)!, text),
    watcher(line) {
      const [pid, ...args] = readFileSync(join(folder, `watcher-${line}`), 'utf8')
        .trim()
        .split(' ')
      return { pid: Number(pid), args }
    },
    remove() {
      for (const pipe of pipes.values()) closeSync(pipe)
      rmSync(folder, { recursive: true, force: true })
    },
  }
}
