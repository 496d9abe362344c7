// The text form of a pulse input: a GPIO line, the edge that begins a pulse, the debounce time.

/** What is counted, in the order of a board's counts. */
export const pulseKinds = ['import', 'export', 'reactive-import', 'reactive-export'] as const
export type PulseKind = (typeof pulseKinds)[number]

export interface PulseInput {
  kind: PulseKind
  /** Path of the GPIO chip; `undefined` for that of the Pi's header. */
  chip: string | undefined
  /** Number of the line on its chip: on a Pi's header the BCM number, the 17 of GPIO17. */
  line: number
  /** The edge that begins a pulse. */
  edge: 'rising' | 'falling'
  pull: 'up' | 'down' | 'none'
  /** A level counts when it has lasted so long; 0 counts every edge. */
  debounceMs: number
}

/** For help texts and messages. */
export const pulseInputForm = '[CHIP:]GPIO17[,rising|falling][,pull-up|pull-down|no-pull][,debounce=MS]'

const pulls: { [word: string]: PulseInput['pull'] } = { 'pull-up': 'up', 'pull-down': 'down', 'no-pull': 'none' }
const debounceMsDefault = 5
const debounceMsMax = 1000

function chipPath(name: string): string {
  if (name.startsWith('/')) return name
  return /^\d+$/.test(name) ? `/dev/gpiochip${name}` : `/dev/${name}`
}

/** The input as a person calls it: `import (GPIO17)`. */
export function inputName({ kind, chip, line }: PulseInput): string {
  return `${kind} (${chip === undefined ? `GPIO${line}` : `${chip}:${line}`})`
}

/**
 * Reads an input. Unless said otherwise a pulse closes to ground: pulled up, falling, 5 ms; `rising` alone is pulled down.
 * @returns the problem in words when it is none
 */
export function parsePulseInput(kind: PulseKind, text: string): PulseInput | string {
  const [place = '', ...words] = text.split(',')
  const parts = /^(?:([^:,\s]+):)?(?:GPIO)?(\d{1,4})$/i.exec(place)
  if (parts === null) return `--pulse-${kind} ${text} names no line. Write ${pulseInputForm}.`
  let edge: PulseInput['edge'] | undefined
  let pull: PulseInput['pull'] | undefined
  let debounceMs: number | undefined
  for (const word of words) {
    const debounce = /^debounce=(\d{1,4})(?:ms)?$/.exec(word)
    const isEdge = word === 'rising' || word === 'falling'
    const again = isEdge ? edge : debounce !== null ? debounceMs : pull
    if (again !== undefined) return `--pulse-${kind} ${text} says the same twice. Write ${pulseInputForm}.`
    if (isEdge) edge = word
    else if (debounce !== null) debounceMs = Number(debounce[1])
    else if (Object.hasOwn(pulls, word)) pull = pulls[word]
    else return `--pulse-${kind} ${text}: what is "${word}"? Write ${pulseInputForm}.`
  }
  if (debounceMs !== undefined && debounceMs > debounceMsMax) {
    return `--pulse-${kind} ${text}: a debounce is 0 to ${debounceMsMax} ms; longer would swallow pulses.`
  }
  return {
    kind,
    chip: parts[1] === undefined ? undefined : chipPath(parts[1]),
    line: Number(parts[2]),
    edge: edge ?? 'falling',
    pull: pull ?? (edge === 'rising' ? 'down' : 'up'),
    debounceMs: debounceMs ?? debounceMsDefault,
  }
}
