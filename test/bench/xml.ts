// Attacked XML: signed messages changed at random, held against what was signed, libxml2 and xml-crypto. SEED=N begins at
// another document, COUNT=N takes so many; SEED=N COUNT=1 is one of them again.

import { mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fuzzXml } from '../support/attacks/xml-fuzz.ts'
import type { Bench } from './row.ts'

const documents = 100_000
/** xml-crypto and its parser take ten times as long as all the rest. */
const askEvery = 10

function whole(name: string, otherwise: number): number {
  const text = process.env[name] ?? `${otherwise}`
  if (!/^\d{1,9}$/.test(text)) throw new Error(`${name} is a whole number, not ${text}`)
  return Number(text)
}

export const xml: Bench = async (note) => {
  const { rows, refused, stricter, problems } = fuzzXml(whole('SEED', 1), whole('COUNT', documents), askEvery, (done) =>
    note(`${done} documents`),
  )
  if (problems.length > 0) {
    const directory = mkdtempSync(join(tmpdir(), 'smets1-xml-'))
    for (const { seed, problem, attack, of, document } of problems) {
      const path = join(directory, `${seed}.xml`)
      writeFileSync(path, document, 'latin1')
      note(`${problem} (${attack}, of ${of}): ${path}\n    again: SEED=${seed} COUNT=1 npm run bench -- xml`)
    }
  }
  const row = (name: string, value: number) => ({ bench: 'xml', name, value, unit: '' })
  const all = [...rows].sort(([a], [b]) => (a < b ? -1 : 1))
  const sum = (of: (one: (typeof all)[number][1]) => number) => all.reduce((total, [, one]) => total + of(one), 0)
  return [
    row(
      'documents',
      sum((one) => one.documents),
    ),
    ...all.flatMap(([name, one]) => [
      row(`  ${name}`, one.documents),
      row('    accepted: the same as was signed', one.accepted),
      row('    well-formed to libxml2', one.wellFormed),
    ]),
    row(
      'accepted',
      sum((one) => one.accepted),
    ),
    ...[...refused].sort(([a], [b]) => (a < b ? -1 : 1)).map(([fault, count]) => row(`refused: ${fault}`, count)),
    row(`accepted by xml-crypto alone, of every ${askEvery}th`, stricter),
    row('thrown, accepted against an oracle, or read otherwise', problems.length),
  ]
}
