// Attacks below the markup: bytes, entities, document types, and encodings that hide them.

import type { Random } from '../../../emulation/random.ts'

/** A changed copy of a signed document; text is sent as UTF-8. */
export type Attack = (text: string, random: Random) => string | Uint8Array

export const pick = <T>(list: readonly T[], random: Random): T => list[random.below(list.length)]!

/** Somewhere between two tags, after the declaration. */
export function gap(text: string, random: Random): number {
  const gaps = [...text.matchAll(/></g)].map((match) => match.index + 1)
  return pick(gaps, random)
}

export const insert = (text: string, at: number, what: string) => text.slice(0, at) + what + text.slice(at)

/** A place inside the text of an element that has some, or inside an attribute's value. */
export function inValue(text: string, random: Random): number {
  const values = [...text.matchAll(/>[^<>]+</g)].map((match) => match.index + 1 + random.below(match[0].length - 1))
  return pick(values, random)
}

const entityNames = ['e', 'lol', 'xxe']

/** Declarations of entities: that expand, that grow, that are elsewhere. */
function doctype(random: Random): string {
  const name = pick(entityNames, random)
  const bomb = Array.from({ length: 8 }, (_, i) => `<!ENTITY e${i + 1} "${`&e${i};`.repeat(10)}">`).join('')
  const inside = pick(
    [
      `<!ENTITY ${name} "1">`,
      `<!ENTITY ${name} "<sr:Body></sr:Body>">`,
      `<!ENTITY e0 "lol">${bomb}<!ENTITY ${name} "&e8;">`,
      `<!ENTITY ${name} SYSTEM "file:///etc/passwd">`,
      `<!ENTITY ${name} SYSTEM "http://127.0.0.1:9/x">`,
      `<!ENTITY ${name} PUBLIC "x" "file:///dev/zero">`,
      `<!ENTITY % p SYSTEM "file:///etc/passwd">%p;`,
      '<!ENTITY % p "<!ENTITY q SYSTEM \'file:///etc/passwd\'>">%p;',
      '<!ATTLIST sr:Body Id ID #IMPLIED x CDATA "y">',
      '<!NOTATION n SYSTEM "x"><!ENTITY u SYSTEM "x" NDATA n>',
      '',
    ],
    random,
  )
  const word = pick(
    ['<!DOCTYPE', '<!DOCTYPE', '<!DOCTYPE', '<!doctype', '<!DOCTYPE\n', '<! DOCTYPE', '<!DOC<!-- -->TYPE'],
    random,
  )
  const subset =
    inside === ''
      ? pick(['', ' SYSTEM "file:///etc/passwd"', ' SYSTEM "http://127.0.0.1:9/x.dtd"'], random)
      : ` [${inside}]`
  return `${word} ${pick(['sr:Request', 'sr:Response', 'x', ''], random)}${subset}>`
}

export const entities: Attack = (text, random) => {
  const at = random.below(4) === 0 ? gap(text, random) : Math.max(0, text.search(/<(?:\w+:)?Re/))
  const declared = insert(text, at, doctype(random))
  return random.below(3) === 0
    ? declared
    : insert(declared, inValue(declared, random), `&${pick(entityNames, random)};`)
}

/** UTF-16 and UTF-32, either end first. */
function wide(text: string, bytes: 2 | 4, bigEnd: boolean, mark: boolean): Buffer {
  const units =
    bytes === 2
      ? [...Array(text.length).keys()].map((i) => text.charCodeAt(i))
      : [...text].map((c) => c.codePointAt(0)!)
  const all = mark ? [0xfeff, ...units] : units
  const out = Buffer.alloc(all.length * bytes)
  for (const [i, unit] of all.entries()) {
    if (bigEnd) out.writeUIntBE(unit, i * bytes, bytes)
    else out.writeUIntLE(unit, i * bytes, bytes)
  }
  return out
}

/** UTF-7 (RFC 2152) of what would be markup; the rest is ASCII. */
function utf7(text: string): string {
  return text.replace(/[<>&"!]/g, (c) => `+${wide(c, 2, true, false).toString('base64').replace(/=+$/, '')}-`)
}

/** The document, or one with a DOCTYPE, in another encoding than it says, or one that is not UTF-8. */
export const encodings: Attack = (text, random) => {
  const says = pick(
    [
      'UTF-16',
      'UTF-16LE',
      'UTF-16BE',
      'UTF-7',
      'utf-7',
      'UTF-32',
      'UCS-4',
      'ISO-8859-1',
      'EBCDIC-US',
      'IBM037',
      'UTF-8',
      'x',
    ],
    random,
  )
  const told = random.below(3) === 0 ? text : text.replace(/encoding=(["'])[^"']*\1/, `encoding="${says}"`)
  const at = Math.max(0, told.search(/<(?:\w+:)?Re/))
  const source = random.below(2) === 0 ? told : insert(told, at, doctype(random))
  const mark = random.below(2) === 0
  return pick(
    [
      () => wide(source, 2, false, mark),
      () => wide(source, 2, true, mark),
      () => wide(source, 4, false, mark),
      () => wide(source, 4, true, mark),
      () => source.slice(0, at) + utf7(source.slice(at)),
      () => `+/v8-${utf7(source)}`,
      () => `\ufeff${source}`,
      () => source,
      () => Buffer.concat([Buffer.from(source.slice(0, at)), wide(source.slice(at), 2, false, mark)]),
      () => insert(source, inValue(source, random), pick(['\u00a0', '\u2028', '\ufffe', '\0', '\u0085'], random)),
      () => Buffer.from(insert(source, inValue(source, random), '\u00e9'), 'latin1'),
    ],
    random,
  )()
}

const tokens = [
  ...[
    '<',
    '>',
    '</',
    '/>',
    '"',
    "'",
    '&',
    ';',
    '&#0;',
    '&#13;',
    '&amp;',
    '&#x110000;',
    '<!--',
    '-->',
    '<![CDATA[',
    ']]>',
  ],
  ...[
    '<?',
    '?>',
    '<?xml version="1.0"?>',
    '<!DOCTYPE',
    '<sr:Header>',
    '</sr:Body>',
    '<ds:Signature>',
    '</ds:Signature>',
  ],
  ...[
    ' xmlns="u:x"',
    ' xmlns:sr="u:x"',
    ' Id="x"',
    ' xml:space="preserve"',
    ':',
    '=',
    ' ',
    '\n',
    '\r',
    '\t',
    '\0',
    '9',
    '-',
  ],
  ...['\uFEFF', '\uFFFF', 'é', '𝄞', 'sr:', 'ds:', 'A'.repeat(300), '<a>'.repeat(40)],
].map((token) => Buffer.from(token))

/** One to four changes of bytes: altered, removed, repeated, moved, or tokens put in. */
export function changedBytes(bytes: Uint8Array, random: Random): Buffer {
  let text = Buffer.from(bytes)
  for (let changes = 1 + random.below(4); changes > 0; changes--) {
    const at = random.below(text.length)
    const end = Math.min(text.length, at + 1 + random.below(random.below(2) === 0 ? 3 : 200))
    const [head, middle, tail] = [text.subarray(0, at), text.subarray(at, end), text.subarray(end)]
    const kinds = [
      () => [head, Buffer.of(random.below(256)), text.subarray(at + 1)],
      () => [head, Buffer.of((text[at] ?? 0) ^ (1 << random.below(8))), text.subarray(at + 1)],
      () => [head, tail],
      () => [head, middle, middle, tail],
      () => [head, pick(tokens, random), text.subarray(at)],
      () => [head, pick(tokens, random), tail],
      () => [tail, middle, head],
    ]
    text = Buffer.concat(pick(kinds, random)())
  }
  return text
}
