// The index of a compressed segment: which of its blocks have records of an EUI-64 and of a time.
//
// A block is some whole batches, about 256 kB of lines, compressed by itself. So a query decompresses only blocks that may
// have what it looks for. The file is a line of JSON, then the EUI-64s of each block as sorted 32-bit numbers.

/** Bytes of lines in a block. */
export const blockBytes = 256 * 1024

export interface Block {
  /** Where its gzip member is in the archive. */
  offset: number
  bytes: number
  /** Number of its first record. */
  first: number
  /** Earliest and latest time of its records, milliseconds UTC. */
  fromMs: number
  toMs: number
  /** Numbers of EUI-64s in its lines, ascending; undefined when there are RequestIDs of another form. */
  euis: Uint32Array | undefined
}

type StoredBlock = [offset: number, bytes: number, first: number, fromMs: number, toMs: number, euis: number]

/** The number of an EUI-64 without dashes: its halves, combined. Different EUI-64s may have the same. */
export function euiNumber(eui: string): number {
  return (Number.parseInt(eui.slice(0, 8), 16) ^ Number.parseInt(eui.slice(8), 16)) >>> 0
}

const euiForm = /\b[0-9A-F]{16}\b/g

/** The EUI-64s of lines. */
export function euisIn(lines: string): Uint32Array | undefined {
  // RequestIDs, and EUI-64s, of another form.
  if (/[|~]!/.test(lines)) return undefined
  const texts = new Set(lines.match(euiForm))
  return new Uint32Array(new Set([...texts].map(euiNumber))).sort()
}

export function formatIndex(blocks: readonly Block[]): Buffer {
  const rows = blocks.map(
    ({ offset, bytes, first, fromMs, toMs, euis }): StoredBlock => [
      offset,
      bytes,
      first,
      fromMs,
      toMs,
      euis?.length ?? -1,
    ],
  )
  const numbers = blocks.map(({ euis }) => {
    const packed = Buffer.alloc((euis?.length ?? 0) * 4)
    for (const [i, eui] of (euis ?? []).entries()) packed.writeUInt32LE(eui, i * 4)
    return packed
  })
  return Buffer.concat([Buffer.from(`${JSON.stringify(rows)}\n`), ...numbers])
}

/** Undefined for what is no index. */
export function readIndex(file: Buffer): Block[] | undefined {
  const lineEnd = file.indexOf(10)
  let rows: StoredBlock[]
  try {
    rows = JSON.parse(file.toString('utf8', 0, lineEnd))
  } catch {
    return undefined
  }
  if (!Array.isArray(rows)) return undefined
  let at = lineEnd + 1
  const blocks: Block[] = []
  for (const row of rows) {
    if (!Array.isArray(row) || row.length !== 6 || !row.every(Number.isSafeInteger)) return undefined
    const [offset, bytes, first, fromMs, toMs, count] = row
    const end = at + Math.max(0, count) * 4
    if (end > file.length) return undefined
    // A copy, so that it is aligned.
    const euis = count < 0 ? undefined : new Uint32Array(new Uint8Array(file.subarray(at, end)).buffer)
    blocks.push({ offset, bytes, first, fromMs, toMs, euis })
    at = end
  }
  return blocks
}

/** Whether a block may have records of one of these EUI-64s (their numbers). */
export function hasEui({ euis }: Block, wanted: number): boolean {
  if (euis === undefined) return true
  let low = 0
  let high = euis.length
  while (low < high) {
    const middle = (low + high) >> 1
    if ((euis[middle] ?? 0) < wanted) low = middle + 1
    else high = middle
  }
  return euis[low] === wanted
}
