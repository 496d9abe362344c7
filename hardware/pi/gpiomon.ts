// How to use gpiomon, the tool of libgpiod that prints the events of the kernel's GPIO character device.
//
// A tool rather than a package: what npm has for the character device is compiled when it is installed and takes
// libgpiod 1 only (node-libgpiod, libgpiod), or is a binary without its source, for arm alone (@iiot2k/gpiox); onoff and
// pigpio do not use it. gpiomon is maintained by the kernel's GPIO maintainers, is in every Debian, and cannot crash the
// meter. A line of text for each pulse is cheap: 100 A on three phases make 20 a second at 1,000 pulses per kWh.
//
// The arguments below were tried on gpiomon 1.6.3 (Debian 12) and 2.2.4 (built from its source), without a GPIO chip.

import type { PulseInput } from './pulse-input.ts'

/** The tools of libgpiod 1 (Raspberry Pi OS 12 and before) and 2 (from 13 on) have the same names and different options. */
export type MonitorVersion = 1 | 2

/** The version in what `gpiomon --version` prints; `undefined` for an unknown one. */
export function monitorVersion(printed: string): MonitorVersion | undefined {
  const major = Number(/v(\d+)\./.exec(printed)?.[1])
  return major === 1 || major === 2 ? major : undefined
}

/** True when both edges must be debounced here: version 1 cannot ask the kernel to do it. */
export function needsFilter(version: MonitorVersion, input: PulseInput): boolean {
  return version === 1 && input.debounceMs > 0
}

/** The arguments that watch one input. Settings hold for a whole gpiomon, so each input has one of its own. */
export function monitorArguments(version: MonitorVersion, chip: string, input: PulseInput): string[] {
  const { edge, pull, debounceMs, line } = input
  if (version === 1) {
    const bias = pull === 'none' ? 'disable' : `pull-${pull}`
    const edges = needsFilter(version, input) ? [] : [`--${edge}-edge`]
    return ['--line-buffered', `--bias=${bias}`, ...edges, '--format=%e %s %n', chip, String(line)]
  }
  const bias = pull === 'none' ? 'disabled' : `pull-${pull}`
  const debounce = debounceMs > 0 ? [`--debounce-period=${debounceMs}ms`] : []
  const what = ['--consumer=smets1', '--banner', `--bias=${bias}`, `--edges=${edge}`, ...debounce]
  return [...what, '--format=%e %S', `--chip=${chip}`, String(line)]
}

/** An edge as gpiomon prints it: `1 1234 5678` of version 1 (seconds, nanoseconds), `2 1234.000005678` of version 2. */
export interface Edge {
  rising: boolean
  /** Milliseconds of the kernel's clock. */
  atMs: number
}

/** Reads one line of gpiomon's output; `undefined` when it is no edge. */
export function parseEdge(line: string): Edge | undefined {
  const parts = /^([012]) (\d{1,12})[ .](\d{1,9})$/.exec(line)
  if (parts === null) return undefined
  // A falling edge is 0 in version 1 and 2 in version 2.
  return { rising: parts[1] === '1', atMs: Number(parts[2]) * 1000 + Number(parts[3]) / 1e6 }
}

/** What gpiomon of version 2 prints when it has the line. */
export function isBanner(line: string): boolean {
  return line.startsWith('Monitoring line')
}

/** The chip of the Pi's header in what `gpiodetect` prints, by the name of its driver: the number differs from model to model. */
export function headerChip(printed: string): string | undefined {
  const found = /^(gpiochip\d+) \[pinctrl-(?:bcm2835|bcm2711|rp1)\]/m.exec(printed)
  return found === null ? undefined : `/dev/${found[1]}`
}

/** What gpiomon printed last, as what is wrong with an input and what to do. */
export function monitorProblem(words: string): string {
  if (/busy/i.test(words)) return 'another program or driver has this line: gpioinfo names it. Stop it, or use another'
  if (/permission|not permitted/i.test(words)) {
    return 'no permission: join the group gpio (sudo usermod -aG gpio $USER) and log in again'
  }
  if (/out of range|invalid argument/i.test(words)) {
    return `the chip does not take this line with these settings: gpioinfo lists its lines (${words})`
  }
  if (/inappropriate ioctl/i.test(words)) return 'that is no GPIO chip: ls /dev/gpiochip* shows the chips'
  if (/no such (?:file|device)|cannot find GPIO chip/i.test(words)) return `the chip is not there (${words})`
  return words
}
