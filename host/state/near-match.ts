// The known word that a mistyped one stands for.

/** Letters to insert, remove, replace or swap with the next one to come from one word to the other. */
function distance(a: string, b: string): number {
  const rows = [Array.from({ length: b.length + 1 }, (_, j) => j)]
  const at = (i: number, j: number) => rows[i]?.[j] ?? 0
  for (let i = 1; i <= a.length; i++) {
    const row = [i]
    rows.push(row)
    for (let j = 1; j <= b.length; j++) {
      const change = a[i - 1] === b[j - 1] ? 0 : 1
      let least = Math.min(at(i - 1, j) + 1, at(i, j - 1) + 1, at(i - 1, j - 1) + change)
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1])
        least = Math.min(least, at(i - 2, j - 2) + 1)
      row.push(least)
    }
  }
  return at(a.length, b.length)
}

/** The known word that a mistyped one most likely stands for. */
export function nearMatch(word: string, known: readonly string[]): string | undefined {
  const begins = known.filter((one) => word.length > 1 && one.startsWith(word))
  if (begins.length === 1) return begins[0]
  const far = Math.max(1, Math.floor(word.length / 3))
  const found = known.map((one) => ({ one, far: distance(word, one) })).sort((a, b) => a.far - b.far)
  return found[0] !== undefined && found[0].far <= far ? found[0].one : undefined
}
