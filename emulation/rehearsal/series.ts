// Events over time, counted by second: peaks by second, minute and hour, and what is open at the same time.

/** Amounts by second since the start. Only seconds with an amount are kept. */
export type Series = Map<number, number>

export function addAt(series: Series, atMs: number, amount: number): void {
  const second = Math.floor(atMs / 1000)
  series.set(second, (series.get(second) ?? 0) + amount)
}

export function addSeries(to: Series, from: Series): void {
  for (const [second, amount] of from) to.set(second, (to.get(second) ?? 0) + amount)
}

/** The most in any one span of so many seconds, spans counted from the start. */
export function peak(series: Series, spanSeconds: number): number {
  const spans = new Map<number, number>()
  let most = 0
  for (const [second, amount] of series) {
    const span = Math.floor(second / spanSeconds)
    const sum = (spans.get(span) ?? 0) + amount
    spans.set(span, sum)
    if (sum > most) most = sum
  }
  return most
}

/** Sums by hour since the start. */
export function byHour(series: Series, hours: number): number[] {
  const sums = new Array<number>(hours).fill(0)
  for (const [second, amount] of series) {
    const hour = Math.floor(second / 3600)
    if (hour >= 0 && hour < hours) sums[hour] = (sums[hour] ?? 0) + amount
  }
  return sums
}

/** The most that were open at the same time, to the second. What ends in the second in which it began counts there. */
export function mostAtOnce(begun: Series, ended: Series): number {
  const seconds = [...new Set([...begun.keys(), ...ended.keys()])].sort((a, b) => a - b)
  let open = 0
  let most = 0
  for (const second of seconds) {
    open += begun.get(second) ?? 0
    if (open > most) most = open
    open -= ended.get(second) ?? 0
  }
  return most
}
