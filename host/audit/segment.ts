// A segment of the audit trail: a file of batches, each with a hash that covers the batch before it.
//
//   smets1-audit|2|NUMBER|SEQ|HASH     header: number of the segment, and the point of the chain that it continues
//   record lines …                     one batch
//   =HASH                              SHA-256 of all bytes from the header, or the `=` line before, up to here
//   …
//   #SIGNER|SIGNATURE                  seal of a closed segment: the DSP's signature of its number and its end
//
// Hashes and signatures are base64url. A closed segment is compressed; a trail of version 0.1 keeps its files before them.

import { hash } from 'node:crypto'
import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import type { ChainPoint } from './audit-record.ts'

/** `old`: of version 0.1. `plain`: being written, or not compressed yet. */
export interface SegmentFile {
  number: number
  kind: 'old' | 'plain' | 'archived'
  path: string
}

const fileName = /^audit-(\d{6,12})\.(jsonl|log|log\.gz)$/
const kinds = { jsonl: 'old', log: 'plain', 'log.gz': 'archived' } as const

/** The files of a trail, oldest first. Of a segment whose compression was not finished, the plain file. */
export function trailFiles(directory: string): SegmentFile[] {
  if (!existsSync(directory)) return []
  const found = new Map<number, SegmentFile>()
  for (const name of readdirSync(directory)) {
    const [, digits, extension] = fileName.exec(name) ?? []
    if (digits === undefined) continue
    const number = Number(digits)
    const kind = kinds[extension as keyof typeof kinds]
    if (found.get(number)?.kind !== 'plain') found.set(number, { number, kind, path: join(directory, name) })
  }
  return [...found.values()].sort((a, b) => a.number - b.number)
}

function pathOf(directory: string, number: number, extension: string): string {
  return join(directory, `audit-${String(number).padStart(6, '0')}.${extension}`)
}

export const plainPath = (directory: string, number: number) => pathOf(directory, number, 'log')
export const archivePath = (directory: string, number: number) => pathOf(directory, number, 'log.gz')
export const indexPath = (directory: string, number: number) => pathOf(directory, number, 'index')

const toBase64 = (hex: string) => Buffer.from(hex, 'hex').toString('base64url')
const toHex = (base64: string) => Buffer.from(base64, 'base64url').toString('hex')

export function headerLine(number: number, before: ChainPoint): string {
  return `smets1-audit|2|${number}|${before.seq}|${toBase64(before.hash)}\n`
}

/** The longest header. */
export const headerBytesMax = 120

export interface SegmentHeader {
  number: number
  before: ChainPoint
}

/** Undefined for a line that is no header. Throws Error for one of a later version. */
export function readHeader(line: string): SegmentHeader | undefined {
  const version = /^smets1-audit\|(\d+)\|/.exec(line)?.[1]
  if (version !== undefined && version !== '2')
    throw new Error(`a segment of format ${version}, this program knows 2: use a newer smets1`)
  const [, number, seq, hashText = ''] = /^smets1-audit\|2\|(\d{1,12})\|(\d{1,15})\|([\w-]{43})$/.exec(line) ?? []
  return number === undefined
    ? undefined
    : { number: Number(number), before: { seq: Number(seq), hash: toHex(hashText) } }
}

/** `=`, 43 characters and the line end. */
export const trailerBytes = 45

/** The hash of a batch, hexadecimal: of its bytes together with the header or trailer before them. */
export const batchHash = (bytes: Uint8Array) => hash('sha256', bytes)

export function trailerLine(hashHex: string): string {
  return `=${toBase64(hashHex)}\n`
}

/** The hash in a trailer, hexadecimal; undefined when the bytes are no trailer. */
export function readTrailer(line: string): string | undefined {
  if (!/^=[\w-]{43}\n$/.test(line)) return undefined
  const hashHex = toHex(line.slice(1, -1))
  // The last character has bits that are not used: only one way to write them is right.
  return trailerLine(hashHex) === line ? hashHex : undefined
}

/** A seal read from a segment. */
export interface Seal {
  /** SHA-256 of the signer's public key (SPKI), base64url. */
  signer: string
  signature: Uint8Array
}

/** `#`, 43 and 86 characters, the separator and the line end. */
export const sealBytes = 132

export function sealLine({ signer, signature }: Seal): string {
  return `#${signer}|${Buffer.from(signature).toString('base64url')}\n`
}

export function readSeal(line: string): Seal | undefined {
  const [, signer, signature = ''] = /^#([\w-]{43})\|([\w-]{86})\n$/.exec(line) ?? []
  if (signer === undefined) return undefined
  const seal = { signer, signature: Buffer.from(signature, 'base64url') }
  return sealLine(seal) === line ? seal : undefined
}

/** What the DSP signs of a closed segment. */
export function sealedText(number: number, end: ChainPoint): Buffer {
  return Buffer.from(`smets1 audit segment ${number} ends with record ${end.seq}, ${end.hash}`)
}
