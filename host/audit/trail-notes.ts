// What the store notes of the audit trail, so that a trail that was cut, rolled back, replaced or rewritten is recognised:
// the end of the trail after each batch, the end of each closed segment, where the trail begins, and who sealed.

import { createHash, createPublicKey, type KeyObject } from 'node:crypto'
import { readNumber, readText, record } from '../store/row-reader.ts'
import type { Store } from '../store/store.ts'
import type { ChainPoint } from './audit-record.ts'

/** A point of the chain, and the number of the segment in which it is. */
export interface NotedPoint extends ChainPoint {
  number: number
}

/** A closed segment: its end, the bytes of its archive, and the SHA-256 of its index. */
export interface NotedSegment extends NotedPoint {
  archiveBytes: number
  index: string
}

/** A public key that has sealed: SPKI, base64. */
export interface NotedSigner {
  spki: string
}

/**
 * A row of the table `trail`. `head`: the end of the trail. `oldest`: the point before its first record. `segment/NUMBER`: a
 * closed and compressed segment. `signer/FINGERPRINT`: a key that has sealed.
 */
export type TrailRow = NotedSegment | NotedPoint | NotedSigner

const point = { number: readNumber, seq: readNumber, hash: readText }
const readSegment = record<NotedSegment>({ ...point, archiveBytes: readNumber, index: readText })
const readPoint = record<NotedPoint>(point)
const readSigner = record<NotedSigner>({ spki: readText })

export function readTrailRow(value: unknown): TrailRow | undefined {
  return readSegment(value) ?? readPoint(value) ?? readSigner(value)
}

export type TrailStore = Store<{ trail: TrailRow }>

/** SHA-256 of a public key (SPKI), base64url. */
export function fingerprintOf(key: KeyObject): string {
  return createHash('sha256')
    .update(key.export({ type: 'spki', format: 'der' }))
    .digest('base64url')
}

const segmentKey = (number: number) => `segment/${String(number).padStart(12, '0')}`

/** The notes of a trail. */
export interface TrailNotes {
  head(): NotedPoint | undefined
  oldest(): NotedPoint | undefined
  segment(number: number): NotedSegment | undefined
  /** Public keys that have sealed, by fingerprint. */
  signers(): Map<string, KeyObject>
  noteHead(head: NotedPoint): Promise<void>
  noteOldest(oldest: NotedPoint): Promise<void>
  noteSegment(segment: NotedSegment): Promise<void>
  forgetSegment(number: number): Promise<void>
  noteSigner(key: KeyObject): Promise<void>
  /** Removes all notes of segments. */
  clearSegments(): Promise<void>
}

export function createTrailNotes(store: TrailStore): TrailNotes {
  const pointAt = (key: string) => {
    const row = store.get('trail', key)
    return row !== undefined && 'seq' in row ? row : undefined
  }
  return {
    head: () => pointAt('head'),
    oldest: () => pointAt('oldest'),
    segment(number) {
      const row = store.get('trail', segmentKey(number))
      return row !== undefined && 'index' in row ? row : undefined
    },
    signers() {
      const found = new Map<string, KeyObject>()
      for (const { value } of store.range('trail', 'signer/', 'signer0')) {
        if (!('spki' in value)) continue
        const key = createPublicKey({ key: Buffer.from(value.spki, 'base64'), format: 'der', type: 'spki' })
        found.set(fingerprintOf(key), key)
      }
      return found
    },
    noteHead: (head) => store.put('trail', 'head', head),
    noteOldest: (oldest) => store.put('trail', 'oldest', oldest),
    noteSegment: (segment) => store.put('trail', segmentKey(segment.number), segment),
    forgetSegment: (number) => store.remove('trail', segmentKey(number)),
    async noteSigner(key) {
      const name = `signer/${fingerprintOf(key)}`
      const spki = key.export({ type: 'spki', format: 'der' }).toString('base64')
      if (store.get('trail', name) === undefined) await store.put('trail', name, { spki })
    },
    async clearSegments() {
      const keys = [...store.range('trail', 'segment/', 'segment0')].map(({ key }) => key)
      await Promise.all(keys.map((key) => store.remove('trail', key)))
    },
  }
}
