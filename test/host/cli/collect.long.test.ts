// smets1 collect as a process: against a bench on virtual time, killed in the middle, and what it exports.

import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { finished, freshPath, smets1, stopRunning } from '../../support/bench/cli.ts'

const [state, collection, files] = [freshPath(), freshPath(), freshPath()]
const mpan = '1234567890126'

test.after(stopRunning)

let third: ReturnType<typeof smets1>

const collect = (...words: string[]) => finished(['collect', ...words, '--collection', collection, '--state', state])
const advance = (by: string) => finished(['clock', 'advance', by, '--state', state])

/** Waits until a line of the collector's log has been written. */
async function untilSaid(err: () => string, text: string): Promise<void> {
  for (let tries = 0; !err().includes(text); tries++) {
    assert.ok(tries < 300, `${text} is not in\n${err()}`)
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
}

test('a collector is killed and goes on; its exports are for their owner alone', async () => {
  const up = smets1([
    'up',
    '--virtual-time',
    '--at',
    '2026-10-24T06:00Z',
    '--state',
    state,
    '--http-port',
    '0',
    '--json',
  ])
  await up.says('"ready":true')
  const { url } = JSON.parse(
    up
      .out()
      .split('\n')
      .find((line) => line.includes('"ready":true')) ?? '{}',
  )
  const portfolio = `${files}.csv`
  writeFileSync(portfolio, `mpan,device,consent,from\n${mpan},00-DB-12-34-56-78-90-A0,H,2026-10-23\n`)
  const run = ['collect', 'run', '--portfolio', portfolio, '--url', url, '--collection', collection, '--state', state]

  const first = smets1(run)
  await untilSaid(first.err, 'schedule made: mpan 1234567890126, plan registers')
  const second = await finished(run)
  assert.is(second.code, 2)
  assert.match(
    second.err,
    /^smets1: .* is in use by process \d+: stop that collector first, or name another directory with --collection\n$/,
  )
  first.child.kill('SIGKILL')
  await first.ended

  // The runs of two days find nobody; the DCC keeps what they bring.
  assert.is((await advance('26h')).code, 0)
  third = smets1(run)
  await untilSaid(third.err, 'collects 1 MPANs')
  assert.is((await advance('48h')).code, 0)
  const shown = await collect('status', '--json')
  const status = JSON.parse(shown.out)
  assert.equal([status.agreements, status.days, status.complete], [1, 4, 4])
  assert.not.match(third.err(), /schedule made|asked/)

  const missing = await collect('missing')
  assert.equal([missing.code, missing.out], [0, 'nothing is missing\n'])

  const out = join(files, 'days.ndjson')
  assert.is((await collect('export', '--format', 'settlement', '--out', out)).code, 0)
  assert.is(statSync(out).mode & 0o777, 0o600)
  const days = readFileSync(out, 'utf8')
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line))
  assert.equal(days.map((day) => [day.settlementDay, day.have]).slice(0, 3), [
    ['2026-10-23', 48],
    ['2026-10-24', 48],
    ['2026-10-25', 50],
  ])

  // Nothing of a reading is in the store in clear.
  const kwh = String(days[1].kwh[0])
  for (const name of readdirSync(join(collection, 'store'))) {
    assert.not.ok(readFileSync(join(collection, 'store', name)).includes(kwh), name)
  }
})

test('a stop message, and the end of a process that is told to stop', async () => {
  const start = `${files}.json`
  writeFileSync(
    start,
    JSON.stringify({ interfaceId: 'IF-063', correlationId: 'stop-1', mpanCore: mpan, effectiveToDate: '2026-10-27' }),
  )
  assert.is((await collect('send', start)).code, 0)
  await untilSaid(third.err, 'message applied: correlationId stop-1')
  assert.is(JSON.parse(readFileSync(join(collection, 'answers', 'stop-1.json'), 'utf8')).outcome, 'Accepted')
  third.child.kill('SIGTERM')
  assert.is(await third.ended, 0)
})

test('mistakes of a user are named', async () => {
  const wrong = `${files}-wrong.csv`
  writeFileSync(wrong, 'mpan,device,from\n123,x,today\n')
  const run = await collect('run', '--portfolio', wrong)
  assert.is(run.code, 2)
  assert.match(run.err, /nothing was taken\n {2}line 2: mpan is 13 digits/)
  assert.match(
    (await collect('export', '--format', 'pdf')).err,
    /--format is if-064, settlement, csv, missing, not pdf/,
  )
  assert.match((await collect('send')).err, /name a file of messages/)
  assert.match((await collect('fly')).err, /collect does run, send, status, missing, export, not fly/)
  const nowhere = await finished(['collect', 'status', '--collection', freshPath(), '--state', state])
  assert.match(nowhere.err, /holds no collection/)
})

test.run()
