// npm run bench [-- NAME …] [--json]: every figure of docs/reference/figures.md, measured on this machine.

import { audit } from './audit.ts'
import { bridge } from './bridge.ts'
import { collect } from './collect.ts'
import { espruino } from './espruino.ts'
import { feedBench } from './feed.ts'
import { flash } from './flash.ts'
import { fleet } from './fleet.ts'
import { hostileMeter } from './hostile-meter.ts'
import { killsBench } from './kills.ts'
import { line } from './line.ts'
import { meter } from './meter.ts'
import { outboxBench } from './outbox.ts'
import { overload } from './overload.ts'
import { packageBench } from './package.ts'
import { ports } from './ports.ts'
import { powerCuts } from './power-cuts.ts'
import { registry } from './registry.ts'
import { rehearsal } from './rehearsal.ts'
import { type Bench, type Row, rounded } from './row.ts'
import { schedules } from './schedules.ts'
import { trace } from './trace.ts'
import { virtualTime } from './virtual-time.ts'
import { wear } from './wear.ts'
import { wire } from './wire.ts'
import { xml } from './xml.ts'

const benches: { [name: string]: Bench } = {
  wire,
  line,
  ports,
  meter,
  wear,
  'power-cuts': powerCuts,
  bridge,
  fleet,
  trace,
  espruino,
  flash,
  kills: killsBench,
  xml,
  outbox: outboxBench,
  audit,
  registry,
  schedules,
  collect,
  feed: feedBench,
  'hostile-meter': hostileMeter,
  overload,
  'virtual-time': virtualTime,
  package: packageBench,
  rehearsal,
}

const json = process.argv.includes('--json')
const wanted = process.argv.slice(2).filter((argument) => argument !== '--json')
const unknown = wanted.find((name) => !Object.hasOwn(benches, name))
if (unknown !== undefined) {
  process.stderr.write(`there is no bench "${unknown}"; there are ${Object.keys(benches).join(', ')}\n`)
  process.exit(2)
}

const rows: Row[] = []
for (const name of wanted.length > 0 ? wanted : Object.keys(benches)) {
  process.stderr.write(`${name} …\n`)
  const found = await benches[name]!((text) => process.stderr.write(`  ${text}\n`))
  rows.push(...found)
  if (json) continue
  const width = Math.max(...found.map((row) => row.name.length))
  for (const row of found)
    process.stdout.write(
      `${name.padEnd(11)} ${row.name.padEnd(width)} ${String(rounded(row.value)).padStart(9)} ${row.unit}\n`,
    )
}
if (json) process.stdout.write(`${JSON.stringify(rows.map((row) => ({ ...row, value: rounded(row.value) })))}\n`)
process.exit()
