// A flash that reads through another and keeps what is written to itself: for looking into a flash whose opening writes.

import type { Flash } from '../../firmware/board.ts'
import { createMemoryFlash } from './flash-file.ts'

/** A copy of a flash, made page by page as it is written to. The original is only read. */
export function copyOnWrite(original: Flash): Flash {
  const { pageBytes, pages } = original
  const copies = new Map<number, Flash>()

  /** The copy of a page, as a flash of one page. */
  function copyOf(page: number): Flash {
    const found = copies.get(page)
    if (found !== undefined) return found
    const copy = createMemoryFlash({ pageBytes, pages: 1 })
    copy.program(0, original.read(page * pageBytes, pageBytes))
    copies.set(page, copy)
    return copy
  }

  return {
    pageBytes,
    pages,
    read(address, count) {
      const bytes = original.read(address, count)
      for (const [page, copy] of copies) {
        const from = Math.max(address, page * pageBytes)
        const to = Math.min(address + count, (page + 1) * pageBytes)
        if (from < to) bytes.set(copy.read(from - page * pageBytes, to - from), from - address)
      }
      return bytes
    },
    program(address, bytes) {
      const page = Math.floor(address / pageBytes)
      copyOf(page).program(address - page * pageBytes, bytes)
    },
    erase: (page) => copyOf(page).erase(0),
  }
}
