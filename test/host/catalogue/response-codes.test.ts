// Every response code that can be sent is a row: code, when, source, confidence.

import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { alertCodes, isAlertCode } from '../../../host/catalogue/alert-code.ts'
import {
  type Fault,
  faultCodes,
  faultCodesWith,
  isResponseCode,
  responseCodes,
  sentCodes,
  successCodes,
} from '../../../host/catalogue/response-code.ts'
import { formatResponseMessage } from '../../../host/duis/format.ts'
import { createBench } from '../../support/bench/checked-bench.ts'
import { finished, freshPath } from '../../support/bench/cli.ts'
import { nowMs } from '../../support/bench/duis-parties.ts'
import { sourceFiles } from '../../support/imports.ts'
import { root } from '../../support/repository.ts'

test('each row states when, source and confidence; each is sent for some fault', () => {
  const rows = sentCodes(faultCodes)
  assert.equal(
    rows.map(({ code }) => code),
    Object.keys(responseCodes),
  )
  for (const { code, name, when, source, confidence, faults } of rows) {
    assert.ok(isResponseCode(code) && name !== '' && when !== '' && source !== '', code)
    assert.ok('VSIM'.includes(confidence), code)
    assert.is(faults.length > 0, !successCodes.some((one) => one === code), code)
  }
  assert.is(rows.flatMap(({ faults }) => faults).length, Object.keys(faultCodes).length)
})

test('no code is written anywhere but in the table, so that none is sent that is no row', async () => {
  const faults: string[] = []
  for (const { path } of sourceFiles().filter(({ folder }) => folder === 'host')) {
    if (/(catalogue\/(response|alert)-code|cli\/codes)\.ts$/.test(path)) continue
    const text = readFileSync(join(root, path), 'utf8')
    for (const [, code] of text.matchAll(/['"`>]([EIW]\d{1,6}|N\d{1,3}|AD1)['"`<]/g)) {
      if (!successCodes.some((one) => one === code)) faults.push(`${path}: ${code}`)
    }
  }
  assert.equal(faults, [])
  assert.throws(() => formatResponseMessage({ code: 'E999', nowMs }, ''), /"E999" is no DUIS response code/)
  for (const code of Object.values(alertCodes)) assert.ok(isAlertCode(code))
})

test('any fault can have another code: it is sent, and it is a row', async () => {
  for (const fault of Object.keys(faultCodes) as Fault[]) {
    const changed = faultCodesWith({ [fault]: 'E71' })
    if (!changed.ok) throw new Error(changed.detail)
    const rows = sentCodes(changed.codes)
    const row = rows.find(({ code }) => code === 'E71')!
    assert.equal([row.faults, row.configured, row.confidence], [[fault], true, 'M'])
    const sent = new Set([...Object.values(changed.codes), ...successCodes])
    assert.equal(new Set(rows.map(({ code }) => code)), sent)
  }
  const changed = faultCodesWith({ replayed: 'E100' })
  assert.ok(changed.ok)
  const b = await createBench({ days: 2, config: { codes: changed.codes } })
  const xml = b.sign(b.request())
  assert.is((await b.post(xml)).code, 'I99')
  assert.is((await b.post(xml)).code, 'E100')
  assert.not.ok(faultCodesWith({ replayed: 'E999' }).ok)
  assert.not.ok(faultCodesWith({ nothing: 'E50' }).ok)
})

test('smets1 codes lists them, without a bench too', async () => {
  const { code, out, err } = await finished(['codes', '--json', '--state', freshPath()])
  assert.is(code, 0, err)
  const { responses, alerts } = JSON.parse(out)
  assert.equal(responses, sentCodes(faultCodes))
  assert.equal(
    Object.fromEntries(alerts.map((row: { cause: string; code: string }) => [row.cause, row.code])),
    alertCodes,
  )
  const plain = await finished(['codes', '--state', freshPath()])
  for (const row of responses) assert.match(plain.out, `\n${row.code.padEnd(8)} ${row.confidence} ${row.name}: `)
})

test.run()
