// What the name of a column says: a quantity with its unit, a part of a stamp, a meter, or nothing that is needed here.

/** What a column measures, by its name. */
export type Quantity =
  | { kind: 'energy'; kwhEach: number; direction: 'import' | 'export' | undefined; register: 'no' | 'perhaps' | 'yes' }
  /** Values whose unit must be said elsewhere; `isValue` for names such as "value", which name no quantity at all. */
  | { kind: 'no-unit'; isValue: boolean }
  /** A quantity that is not active energy, or in a unit that is not known; `what` is for a message. */
  | { kind: 'other'; what: string }

export type ColumnRole = 'start' | 'end' | 'stamp' | 'date' | 'time' | 'period' | 'meter' | 'unit' | 'total'

const kwhOfUnit: { readonly [unit: string]: number } = { kwh: 1, wh: 0.001, mwh: 1000 }

const otherUnits: { readonly [unit: string]: string } = {
  w: 'power (W)',
  kw: 'power (kW)',
  mw: 'power (MW)',
  va: 'apparent power (VA)',
  kva: 'apparent power (kVA)',
  vah: 'apparent energy (VAh)',
  kvah: 'apparent energy (kVAh)',
  var: 'reactive power (var)',
  kvar: 'reactive power (kvar)',
  varh: 'reactive energy (varh)',
  kvarh: 'reactive energy (kvarh)',
  milliwh: 'milliwatt-hours, or MWh misspelt (mWh)',
  gwh: 'GWh',
  j: 'joules',
  kj: 'kilojoules',
  mj: 'megajoules',
  gj: 'gigajoules',
  m3: 'a volume (m3)',
  ft3: 'a volume (ft3)',
  hcf: 'a volume',
  therm: 'therms',
  btu: 'BTU',
  v: 'voltage',
  a: 'current',
  hz: 'frequency',
}

const money =
  /^(?:p|ppkwh|pence|penny|pounds?|gbp|eur|euros?|usd|aud|dollars?|cents?|[£€$].*|costs?|price|prices|charges?)$/
const exportWords =
  /^(?:exports?|exported|generation|generated|produced|production|solar|pv|feedin|injected|injection|returned|surplus)$/
const importWords = /^(?:imports?|imported|consumption|consumed|usage|used|demand|drawn)$/
const gasWords = /^(?:gas|heat|water|hotwater|heating)$/
const registerWords =
  /\b(?:cumulative|cumul|register|registers|index|totali[sz]er|odometer|lifetime|zahlerstand|running total|(?:meter|closing|opening|actual) (?:reading|read|index)s?)\b/
const readingWords = /\b(?:readings?|reads?)\b/
/** Names of a column of values that say neither quantity nor unit, as a file without a header. */
const valueWords = /^(?:value|values|val|valeur|valeurs|wert|werte|valor)$/
/** A quantity without its unit. */
const quantityWords =
  /\b(?:energy|power|consumption|consumed|usage|used|demand|load|imports?|exports?|electricity|generation|readings?|register|index|quantity|amount)\b/

/** Lower-case words of a name, its accents and punctuation gone; `energyWh`, `power_kw` and `KWH/hh` are two words each. */
export function wordsOf(name: string): string[] {
  const plain = name.normalize('NFD').replace(/\p{M}/gu, '')
  return plain
    .replace(/(?<![A-Za-z])mW[\s·⋅.*-]?h(?![a-z])/g, ' milliwh ')
    .replace(/[kKMG]?[wW][\s·⋅.*-]?[hH](?:[rR]s?|s)?(?![a-z])/g, (unit, at: number, all: string) => {
      const isAlone = !/[a-z]/i.test(all[at - 1] ?? '') && !/[A-Z]/.test(all[at + unit.length] ?? '')
      // Inside a word only the exact spelling is a unit: "energyWh" and "kWhUsed", not "growth" or "WHEN".
      return isAlone || /^[kMG]?W\W?h$/.test(unit)
        ? ` ${/^[kMG]/i.test(unit) ? unit.charAt(0).toLowerCase() : ''}wh `
        : unit
    })
    .replace(/(kVArh|kVAr|kVAh|kVA|kW|MW)(?![a-z])/g, (unit) => ` ${unit.toLowerCase()} `)
    .replace(/([a-z])([A-Z])/g, '$1 $2')
    .toLowerCase()
    .replace(/kilo ?-?watt ?-?hours?|kilowatthours?/g, ' kwh ')
    .replace(/mega ?-?watt ?-?hours?|megawatthours?/g, ' mwh ')
    .replace(/milli ?-?watt ?-?hours?/g, ' milliwh ')
    .replace(/giga ?-?watt ?-?hours?/g, ' gwh ')
    .replace(/watt ?-?hours?|watthours?/g, ' wh ')
    .replace(/kilo ?-?watts?/g, ' kw ')
    .replace(/mega ?-?watts?/g, ' mw ')
    .replace(/\bwatts?\b/g, ' w ')
    .replace(/m³/g, ' m3 ')
    .replace(/\b(?:therms)\b/g, ' therm ')
    .replace(/[£€$]/g, ' $& ')
    .split(/[^\p{L}\p{N}£€$]+/u)
    .filter((word) => word !== '')
    .flatMap(splitUnit)
}

/** A unit that is written to the end of a word without a capital: `energykwh`, `TOTALKWH`. */
function splitUnit(word: string): string[] {
  const found =
    /^(energy|consumption|usage|import|export|imported|exported|value|active|total|reading|delta|used|load|demand|power|grid|electricity|reactive|hh)(kwh|mwh|wh|kw|mw|w|kvarh|kvar|kvah|kva)s?$/.exec(
      word,
    )
  if (found !== null) return [found[1] ?? '', found[2] ?? '']
  return [/^(?:kwh|wh|mwh)s$/.test(word) ? word.slice(0, -1) : word]
}

/** A unit's word as energy: kWh of one of it; undefined for what is no exact part or multiple of a kWh. */
export function kwhOf(unit: string): number | undefined {
  const [word, ...more] = wordsOf(unit)
  return more.length === 0 && word !== undefined ? kwhOfUnit[word] : undefined
}

/** Energy for each hour or day is power, or not of a half-hour. */
function rateOf(name: string): string | undefined {
  const per = /wh\)?\s*(?:\/|\bper\b)\s*([a-z]+)/i.exec(name)?.[1]
  return per !== undefined && /^(?:h|hr|hour|d|day|w|week|m|month|y|year|s|sec|second|annum)$/i.test(per)
    ? per
    : undefined
}

/** What a column measures, by its name; undefined when the name says nothing of a quantity. */
export function quantityOf(name: string): Quantity | undefined {
  const words = wordsOf(name)
  const text = words.join(' ')
  if (words.some((word) => money.test(word))) return { kind: 'other', what: 'money' }
  const units = words.filter((word) => kwhOfUnit[word] !== undefined)
  const [unit] = units
  if (unit === 'wh' && /^(?:[a-z]|kilo|mega|milli|micro)$/.test(words[words.indexOf(unit) - 1] ?? '')) {
    return { kind: 'other', what: 'a unit that is not clear' }
  }
  const gas = words.find((word) => gasWords.test(word))
  if (unit === undefined) {
    const other = words.find((word) => otherUnits[word] !== undefined && (word.length > 1 || words.at(-1) === word))
    if (other !== undefined) return { kind: 'other', what: otherUnits[other] ?? other }
    if (valueWords.test(text)) return { kind: 'no-unit', isValue: true }
    return quantityWords.test(text) ? { kind: 'no-unit', isValue: false } : undefined
  }
  if (gas !== undefined) return { kind: 'other', what: gas }
  if (/\b(?:reactive|apparent|var|varh|kvarh|co2|carbon)\b/.test(text))
    return { kind: 'other', what: 'not active energy' }
  const rate = rateOf(name)
  if (rate !== undefined) return { kind: 'other', what: `energy per ${rate}` }
  if (new Set(units).size > 1) return { kind: 'other', what: 'two units' }
  const direction = words.some((word) => exportWords.test(word))
    ? 'export'
    : words.some((word) => importWords.test(word))
      ? 'import'
      : undefined
  const register = registerWords.test(text) ? 'yes' : readingWords.test(text) ? 'perhaps' : 'no'
  return { kind: 'energy', kwhEach: kwhOfUnit[unit] ?? Number.NaN, direction, register }
}

const endWords = /\b(?:end|ends|ended|ending|until|finish|fin|ende|bis|stop)\b|\bto$/
const startWords = /\b(?:start|starts|started|starting|begin|begins|beginning|from|debut|von|inicio)\b/
const stampNames =
  /\b(?:timestamp|time stamp|datetime|date time|date and time|date heure|tstp|horodate|zeitstempel|fecha hora|epoch|unix|instant)\b/
const meterNames =
  /^(?:lclid|customer|customer id|household|household id|home|home id|mpan|mpan core|import mpan|mpxn|nmi|pod|prm|ean|icp|(?:meter|device|site|account|premise|property|sensor|house|home|consumer|user)(?: (?:id|name|serial|serial number|no|number|point|point id|reference|identifier|mpan))?|serial number|serial|msn|esi id|id)$/
const periodNames =
  /^(?:(?:settlement|sett|trading|half hour|hh)? ?(?:period|periods)(?: (?:no|number|id))?|sp|hh|half hour|slot)$/

/** The part that a column has in saying when and whose, by its name. */
export function roleOf(name: string): ColumnRole | undefined {
  const words = wordsOf(name).filter((word) => !/^(?:utc|gmt|bst|local|london|europe)$/.test(word))
  const text = words.join(' ')
  if (meterNames.test(text)) return 'meter'
  if (
    /^(?:units?|uom|unit of measure(?:ment)?|unite|einheit|measurement (?:quantity|quantity id|class|type)|mq)$/.test(
      text,
    )
  )
    return 'unit'
  if (/^(?:(?:daily|day|grand|row) )?(?:total|sum|somme|summe)\b/.test(text)) return 'total'
  if (periodNames.test(text)) return 'period'
  if (endWords.test(text)) return 'end'
  if (startWords.test(text)) return 'start'
  if (stampNames.test(text)) return 'stamp'
  if (
    /^(?:(?:settlement|sett|reading|read|meter|usage|consumption|interval|local)? ?(?:date|day)|jour|datum|fecha)$/.test(
      text,
    )
  )
    return 'date'
  if (
    /^(?:(?:reading|read|interval|usage|clock|period)? ?(?:time|hour|half hour)s?|heure|uhrzeit|hora|time of day|t|ts|when)$/.test(
      text,
    )
  )
    return 'time'
  return undefined
}

/** True for a name that says that its stamps are UTC. */
export function saysUtc(name: string): boolean {
  return wordsOf(name).some((word) => word === 'utc' || word === 'gmt' || word === 'epoch' || word === 'unix')
}

/** True for a name that says that its stamps are a local clock's. */
export function saysLocal(name: string): boolean {
  return wordsOf(name).some((word) => word === 'local' || word === 'bst' || word === 'london')
}

/** A unit behind the name of a column: "HH1 (kWh)", "SP1_kW". */
const unitBehind = /[\s_-]*[([]?\s*([kmg]?(?:wh?|varh?|vah?))\s*[)\]]?$/i

/** The unit that is written behind the name of a period or time; empty for none. */
export function unitBehindName(name: string): string {
  return unitBehind.exec(name.trim())?.[1] ?? ''
}

/** The number of a period that a column of a row a day is named after, from 1: SP1, HH01, "Settlement Period 50 (kWh)". */
export function periodOf(name: string): number | undefined {
  const found =
    /^(?:settlement ?period|sett ?period|period|half ?hour|sp|hh|p|v|t|i|slot|value|val|interval|kwh|hour|h)[ _-]*0*(\d{1,3})$/i.exec(
      name.trim().replace(unitBehind, ''),
    )
  return found === null ? undefined : Number(found[1])
}

/** Minutes after midnight that a column of a row a day is named after: 00:30, 0030, "00:30:00", "00:30-01:00 (kWh)". */
export function minutesOf(name: string): number | undefined {
  const bare = name.trim().replace(unitBehind, '')
  const found = /^(\d{1,2}):?(\d{2})(?::00)?(?:\s*(?:-|to|–)\s*\d{1,2}:?\d{2}(?::00)?)?$/.exec(bare)
  if (found === null) return undefined
  const [hour, minute] = [Number(found[1]), Number(found[2])]
  return hour <= 24 && minute < 60 ? hour * 60 + minute : undefined
}
