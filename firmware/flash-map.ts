// Which page is whose (DESIGN.md, "Flash map"). Pages are counted from the start of the meter's area.

export const flashMap = {
  settingsAt: 0,
  settingsPages: 2,
  journalAt: 2,
  journalPages: 2,
  importAt: 4,
  /** Seven full pages hold 13 months of blocks of up to 72 bytes; the eighth is the one being turned. */
  importPages: 8,
} as const

/** Pages of a meter in all. */
export const flashMapPages = 12

/** Bytes of a page on every board of today; the erase unit of a board may be smaller. */
export const pageBytes = 4096
