// The part of CDDL (RFC 8610) in which protocol/SPEC.md describes the messages: rules of choices, arrays, whole numbers and
// their ranges, byte strings, text, sizes.

import fc from 'fast-check'
import type { CborValue } from '../../../protocol/cbor.ts'

export type CddlType =
  | { is: 'choice'; of: CddlType[] }
  | { is: 'array'; of: { key: string | undefined; type: CddlType }[] }
  | { is: 'range'; from: number; to: number }
  | { is: 'bytes' | 'text'; from: number; to: number }
  | { is: 'rule'; name: string }

export interface Cddl {
  rules: Map<string, CddlType>
  /** The comment on a rule's first line. */
  comments: Map<string, string>
}

/** The longest string that is made up: a message has 232 bytes. */
const bytesMax = 200

const token = /\s*(?:;[^\n]*|(\.\.|\.size|[A-Za-z][A-Za-z0-9-]*|-?\d+|[=/[\](),:]))/y

function tokensOf(text: string): string[] {
  const tokens: string[] = []
  token.lastIndex = 0
  for (let at = 0; at < text.trimEnd().length; at = token.lastIndex) {
    token.lastIndex = at
    const found = token.exec(text)
    if (found === null) throw new Error(`no CDDL that this reads: ${text.slice(at, at + 40)}`)
    if (found[1] !== undefined) tokens.push(found[1])
  }
  return tokens
}

/** The tokens of a text, taken one by one. */
interface Tokens {
  peek(ahead?: number): string | undefined
  /** The next token. @throws Error when there is none, or another than `expected` */
  take(expected?: string): string
}

function createTokens(text: string): Tokens {
  const tokens = tokensOf(text)
  let at = 0
  return {
    peek: (ahead = 0) => tokens[at + ahead],
    take(expected) {
      const found = tokens[at]
      if (found === undefined || (expected !== undefined && found !== expected))
        throw new Error(`CDDL: ${expected ?? 'more'} is missing before ${tokens.slice(at, at + 5).join(' ')}`)
      at += 1
      return found
    },
  }
}

function readNumber({ take }: Tokens): number {
  const text = take()
  if (!/^-?\d+$/.test(text)) throw new Error(`CDDL: ${text} is not a number`)
  return Number(text)
}

function readSize(tokens: Tokens): { from: number; to: number } {
  const { peek, take } = tokens
  if (peek() !== '.size') return { from: 0, to: Number.POSITIVE_INFINITY }
  take()
  if (peek() !== '(') {
    const exact = readNumber(tokens)
    return { from: exact, to: exact }
  }
  take('(')
  const from = readNumber(tokens)
  take('..')
  const to = readNumber(tokens)
  take(')')
  return { from, to }
}

function readArray(tokens: Tokens): CddlType {
  const { peek, take } = tokens
  const of: { key: string | undefined; type: CddlType }[] = []
  while (peek() !== ']') {
    const key = peek(1) === ':' ? take() : undefined
    if (key !== undefined) take(':')
    of.push({ key, type: readChoice(tokens) })
    if (peek() !== ']') take(',')
  }
  take(']')
  return { is: 'array', of }
}

function readOne(tokens: Tokens): CddlType {
  const { peek, take } = tokens
  const first = take()
  if (first === '[') return readArray(tokens)
  if (/^-?\d+$/.test(first)) {
    if (peek() !== '..') return { is: 'range', from: Number(first), to: Number(first) }
    take('..')
    return { is: 'range', from: Number(first), to: readNumber(tokens) }
  }
  if (first === 'uint') return { is: 'range', from: 0, to: Number.MAX_SAFE_INTEGER }
  if (first === 'int') return { is: 'range', from: Number.MIN_SAFE_INTEGER, to: Number.MAX_SAFE_INTEGER }
  if (first === 'bstr') return { is: 'bytes', ...readSize(tokens) }
  if (first === 'tstr') return { is: 'text', ...readSize(tokens) }
  return { is: 'rule', name: first }
}

function readChoice(tokens: Tokens): CddlType {
  const of = [readOne(tokens)]
  while (tokens.peek() === '/') {
    tokens.take('/')
    of.push(readOne(tokens))
  }
  return of.length === 1 ? of[0]! : { is: 'choice', of }
}

/** The names of the rules that a type refers to. */
function namedIn(type: CddlType): string[] {
  if (type.is === 'rule') return [type.name]
  if (type.is === 'choice') return type.of.flatMap(namedIn)
  return type.is === 'array' ? type.of.flatMap((part) => namedIn(part.type)) : []
}

/** Reads rules. @throws Error for what is not of the part above, a name used twice, or one that has no rule */
export function parseCddl(text: string): Cddl {
  const tokens = createTokens(text)
  const rules = new Map<string, CddlType>()
  while (tokens.peek() !== undefined) {
    const name = tokens.take()
    tokens.take('=')
    if (rules.has(name)) throw new Error(`CDDL: ${name} has two rules`)
    rules.set(name, readChoice(tokens))
  }
  for (const name of [...rules.values()].flatMap(namedIn)) {
    if (!rules.has(name)) throw new Error(`CDDL: ${name} has no rule`)
  }
  const comments = [...text.matchAll(/^([a-z-]+) *=[^;\n]*;(.*)$/gm)].map((found) => [found[1]!, found[2]!] as const)
  return { rules, comments: new Map(comments) }
}

/** Whether a value is of a type. */
export function isOf(cddl: Cddl, type: CddlType, value: CborValue): boolean {
  switch (type.is) {
    case 'rule':
      return isOf(cddl, cddl.rules.get(type.name)!, value)
    case 'choice':
      return type.of.some((one) => isOf(cddl, one, value))
    case 'array':
      return (
        Array.isArray(value) &&
        value.length === type.of.length &&
        type.of.every((part, i) => isOf(cddl, part.type, value[i]!))
      )
    case 'range':
      return typeof value === 'number' && Number.isInteger(value) && value >= type.from && value <= type.to
    case 'bytes':
      return value instanceof Uint8Array && value.length >= type.from && value.length <= type.to
    case 'text':
      return typeof value === 'string' && value.length >= type.from && value.length <= type.to
  }
}

/** Values of a type, its limits more often than chance would have them. */
export function valuesOf(cddl: Cddl, type: CddlType): fc.Arbitrary<CborValue> {
  switch (type.is) {
    case 'rule':
      return valuesOf(cddl, cddl.rules.get(type.name)!)
    case 'choice':
      return fc.oneof(...type.of.map((one) => valuesOf(cddl, one)))
    case 'array':
      return fc.tuple(...type.of.map((part) => valuesOf(cddl, part.type)))
    case 'range':
      return fc.oneof(
        fc.constantFrom(type.from, type.to),
        fc.maxSafeInteger().map((number) => within(type, number)),
      )
    case 'bytes':
      return fc
        .uint8Array({ minLength: type.from, maxLength: Math.min(type.to, bytesMax) })
        .map((bytes) => new Uint8Array(bytes))
    case 'text':
      return fc.string({ unit: 'grapheme-ascii', minLength: type.from, maxLength: Math.min(type.to, bytesMax) })
  }
}

function within({ from, to }: { from: number; to: number }, number: number): number {
  const count = to - from + 1
  return Number.isSafeInteger(count) ? from + (Math.abs(number) % count) : number < from ? -number : number
}

/** The names of a message's fields, behind its code or status: `firstHalfHour` for `first-half-hour`. */
export function fieldNames(cddl: Cddl, rule: string): string[] {
  const type = cddl.rules.get(rule)
  if (type?.is !== 'array') throw new Error(`${rule} is no array`)
  return type.of.slice(1).map(({ key, type: of }) => camel(key ?? (of.is === 'rule' ? of.name : '')))
}

/** `read-profile` as code writes it: `readProfile`. */
export const camel = (name: string) => name.replace(/-([a-z])/g, (_, letter: string) => letter.toUpperCase())
