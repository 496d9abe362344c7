// Green Button: interval readings of ESPI (NAESB REQ.21) in an Atom feed, or its blocks alone.

import type { XmlElement } from 'libxml2-wasm'
import type { LoadError, Reading, SeriesResult } from './series.ts'
import { stampOfInstant } from './stamp-text.ts'

const charactersMax = 32 * 1024 * 1024

/** Units of ESPI that are energy or may be taken for it: code, and kWh of one or what it is. */
const units: { readonly [code: string]: number | string } = {
  '72': 0.001,
  '38': 'power (W)',
  '63': 'reactive power (var)',
  '61': 'apparent power (VA)',
  '71': 'apparent energy (VAh)',
  '73': 'reactive energy (varh)',
  '42': 'a volume (m3)',
  '119': 'a volume (cubic feet)',
  '132': 'BTU',
  '169': 'therms',
}

/** What a ReadingType says of the values that belong to it. */
interface ReadingType {
  kwhEach: number | undefined
  what: string
  direction: 'import' | 'export'
  /** Values are those of a register. */
  isRegister: boolean
}

const assumedType: ReadingType = { kwhEach: 0.001, what: 'Wh', direction: 'import', isRegister: false }

function childrenOf(element: XmlElement): XmlElement[] {
  const found: XmlElement[] = []
  for (let node = element.firstChild; node !== null; node = node.next)
    if ('firstChild' in node) found.push(node as XmlElement)
  return found
}

function child(element: XmlElement, name: string): XmlElement | undefined {
  return childrenOf(element).find((one) => one.name === name)
}

function textAt(element: XmlElement, ...names: string[]): string | undefined {
  let at: XmlElement | undefined = element
  for (const name of names) at = at === undefined ? undefined : child(at, name)
  return at?.content.trim()
}

/** Elements of a name, anywhere below. */
function below(element: XmlElement, name: string): XmlElement[] {
  return childrenOf(element).flatMap((one) => (one.name === name ? [one] : below(one, name)))
}

function typeOf(element: XmlElement): ReadingType {
  const code = textAt(element, 'uom') ?? '72'
  const unit = units[code] ?? `a unit that is not known (uom ${code})`
  const scale = 10 ** Number(textAt(element, 'powerOfTenMultiplier') ?? 0)
  return {
    kwhEach: typeof unit === 'number' ? unit * scale : undefined,
    what: typeof unit === 'number' ? 'Wh' : unit,
    direction: textAt(element, 'flowDirection') === '19' ? 'export' : 'import',
    isRegister: /^(?:1|3)$/.test(textAt(element, 'accumulationBehaviour') ?? '4'),
  }
}

function hrefs(entry: XmlElement, relation: string): string[] {
  return childrenOf(entry)
    .filter((one) => one.name === 'link' && one.attr('rel')?.value === relation)
    .map((one) => one.attr('href')?.value ?? '')
}

/** Entries of a feed by what links them: a block's way to its type leads over its MeterReading. */
interface Feed {
  types: { type: ReadingType; self: string[] }[]
  meterReadings: { self: string[]; related: string[] }[]
}

function feedOf(root: XmlElement): Feed {
  const entries = below(root, 'entry')
  const of = (name: string) => entries.filter((entry) => below(entry, name).length > 0)
  return {
    types: of('ReadingType').map((entry) => ({
      type: typeOf(below(entry, 'ReadingType')[0] ?? entry),
      self: hrefs(entry, 'self'),
    })),
    meterReadings: of('MeterReading').map((entry) => ({
      self: hrefs(entry, 'self'),
      related: hrefs(entry, 'related'),
    })),
  }
}

/** The type and the meter of a block: by the links of its entry, or the only type of the file. */
function belongingOf(
  entry: XmlElement | undefined,
  feed: Feed,
  types: ReadingType[],
): { type: ReadingType; meter: string } {
  const up = entry === undefined ? [] : [...hrefs(entry, 'up'), ...hrefs(entry, 'self')]
  const reading = feed.meterReadings.find(
    ({ self, related }) =>
      self.some((href) => up.some((one) => one.startsWith(`${href}/`))) || related.some((href) => up.includes(href)),
  )
  const linked = feed.types.find(({ self }) => self.some((href) => reading?.related.includes(href)))
  const meter = /UsagePoint\/([^/]+)/.exec(reading?.self[0] ?? up[0] ?? '')?.[1] ?? ''
  return { type: linked?.type ?? types[0] ?? assumedType, meter }
}

function readingOf(element: XmlElement, line: number, meter: string, kwhEach: number): Reading {
  const start = textAt(element, 'timePeriod', 'start') ?? ''
  const duration = textAt(element, 'timePeriod', 'duration') ?? ''
  const value = textAt(element, 'value') ?? ''
  const lengthMs = Number(duration) * 1000
  return {
    record: { line, cells: [start, duration, value] },
    meter,
    stamp: /^\d+$/.test(start) ? stampOfInstant(Number(start) * 1000) : undefined,
    ...(lengthMs > 0 ? { lengthMs } : {}),
    value,
    kwhEach,
  }
}

function seriesOf(root: XmlElement, direction: 'import' | 'export'): SeriesResult {
  const refuse = (code: LoadError['code'], message: string): SeriesResult => ({ ok: false, error: { code, message } })
  const feed = feedOf(root)
  const types = below(root, 'ReadingType').map(typeOf)
  const entries = below(root, 'entry')
  const owners = entries.length === 0 ? [undefined] : entries
  const readings: Reading[] = []
  const refused = new Set<string>()
  let otherQuantityRows = 0
  let register: 'no' | 'yes' = 'no'
  let number = 0
  for (const entry of owners) {
    const { type, meter } = belongingOf(entry, feed, types)
    for (const block of root.name === 'IntervalBlock' ? [root] : below(entry ?? root, 'IntervalBlock')) {
      for (const element of below(block, 'IntervalReading')) {
        number += 1
        if (type.kwhEach === undefined || type.direction !== direction) {
          otherQuantityRows += 1
          if (type.kwhEach === undefined) refused.add(type.what)
          continue
        }
        if (type.isRegister) register = 'yes'
        readings.push(readingOf(element, number, meter, type.kwhEach))
      }
    }
  }
  if (number === 0) return refuse('unrecognised', 'the XML has no IntervalReading; only Green Button (ESPI) is known.')
  if (readings.length === 0) {
    const why = refused.size > 0 ? `it is ${[...refused].join(', ')}` : `none is of ${direction}`
    return refuse('unit', `the Green Button file has no interval of active ${direction} in Wh: ${why}.`)
  }
  const notes = types.length === 0 ? ['the file has no ReadingType: its values are taken as Wh'] : []
  const rules = { separator: undefined, stampsAt: 'start', isUtc: true, isLocal: false } as const
  return {
    ok: true,
    series: { layout: 'Green Button', readings, ...rules, register, otherQuantityRows, totals: [], notes },
  }
}

/**
 * The series of a Green Button file; lines are numbers of readings, from 1. A document type is refused. Values without a
 * ReadingType are Wh, as an assumption that the report states. Never throws on content.
 */
export async function seriesOfXml(text: string, direction: 'import' | 'export'): Promise<SeriesResult> {
  const refuse = (message: string): SeriesResult => ({ ok: false, error: { code: 'unrecognised', message } })
  if (text.length > charactersMax)
    return refuse(`the XML has ${text.length} characters; at most ${charactersMax} are read.`)
  if (/<!DOCTYPE/i.test(text)) return refuse('the XML has a document type (DOCTYPE), which is not read.')
  // Loaded when it is needed: it takes longer than all else that a meter loads.
  const { ParseOption, XmlDocument, XmlError } = await import('libxml2-wasm')
  try {
    // The text is decoded already; what it declares as its encoding is past.
    const body = text.replace(/^\s*<\?xml[^>]*\?>/, '')
    const document = XmlDocument.fromString(body, { option: ParseOption.XML_PARSE_NONET })
    try {
      return seriesOf(document.root, direction)
    } finally {
      document.dispose()
    }
  } catch (error) {
    if (error instanceof XmlError) return refuse(`the XML cannot be read: ${error.message.trim().split('\n')[0]}`)
    throw error
  }
}
