// One figure.

export interface Row {
  bench: string
  name: string
  value: number
  unit: string
}

/** Rows of one bench. */
export type Bench = (note: (text: string) => void) => Promise<Row[]>

/** The value below which a share of the values lies. */
export function quantile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b)
  return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? Number.NaN
}

/** A figure as it is worth printing. */
export function rounded(value: number): number {
  return Number.isInteger(value) ? value : Number(value.toPrecision(3))
}
