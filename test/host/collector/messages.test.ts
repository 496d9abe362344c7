// Start, stop and read messages: what they make of the portfolio, in files, and twice.

import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { applyMessages, leaveMessage } from '../../../host/collector/inbox.ts'
import {
  type AgentAnswer,
  type AgentMessage,
  agentMessageProblems,
  applyMessage,
} from '../../../host/collector/messages.ts'
import type { Agreement } from '../../../host/collector/portfolio.ts'

const deviceId = '00-DB-12-34-56-78-90-A0'
const mpanCore = '1234567890126'
const message = (fields: Partial<AgentMessage>): AgentMessage => ({
  interfaceId: 'IF-061',
  correlationId: 'a-1',
  mpanCore,
  ...fields,
})
const started: Agreement = {
  mpan: mpanCore,
  device: deviceId,
  role: 'MDR',
  direction: 'import',
  consent: 'H',
  from: '2026-10-01',
}

test('a start makes an agreement; the next one finds the meter by itself', () => {
  const first = applyMessage(message({ deviceId, effectiveFromDate: '2026-10-01' }), [])
  assert.equal(first.answer, { correlationId: 'a-1', mpanCore, interfaceId: 'IF-062', outcome: 'Accepted' })
  assert.equal(first.agreement, started)
  const again = { ...started, to: '2026-10-20' }
  const next = applyMessage(message({ effectiveFromDate: '2026-11-01', consentGranularity: 'D' }), [again])
  assert.equal(next.agreement, { ...started, from: '2026-11-01', consent: 'D' })
  assert.equal(applyMessage(message({ deviceId, effectiveFromDate: '2026-10-01' }), [again]).agreement, again)
})

test('a stop ends it; what cannot be is rejected with a reason', () => {
  const stop = (effectiveToDate: string) => applyMessage(message({ interfaceId: 'IF-063', effectiveToDate }), [started])
  assert.equal(stop('2026-10-14').agreement, { ...started, to: '2026-10-14' })
  assert.match(stop('2026-09-14').answer.reason ?? '', /not collected on 2026-09-14/)
  const refused = (fields: Partial<AgentMessage>) => applyMessage(message(fields), [started]).answer.reason ?? ''
  assert.match(refused({ effectiveFromDate: '2026-10-20' }), /begins before/)
  assert.match(refused({ effectiveFromDate: 'soon' }), /first Settlement Day/)
  assert.match(refused({ mpanCore: '1234567890127' }), /no MPAN/)
  assert.match(applyMessage(message({ effectiveFromDate: '2026-10-01' }), []).answer.reason ?? '', /meter .* not known/)
  const read = { interfaceId: 'IF-065', fromDate: '2026-10-02', toDate: '2026-10-01' } as const
  assert.match(refused(read), /UTC days/)
  assert.is(applyMessage(message({ ...read, toDate: '2026-10-03' }), [started]).answer.outcome, 'Accepted')
  assert.is(agentMessageProblems({ interfaceId: 'IF-999' }).length > 0, true)
})

test('messages in files are applied in order, once, and answered', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'smets1-inbox-'))
  const [inbox, answers] = [join(folder, 'inbox'), join(folder, 'answers')]
  const agreements = new Map<string, Agreement>()
  const heard: AgentAnswer[] = []
  const parts = {
    ...{ inbox, answers },
    agreements: () => agreements.values(),
    async take(taken: readonly Agreement[]) {
      for (const one of taken) agreements.set(one.from, one)
    },
    consumption: (...asked: string[]) => asked,
    answered: (answer: AgentAnswer) => void heard.push(answer),
  }
  await applyMessages(parts)
  leaveMessage(inbox, message({ correlationId: 'b', interfaceId: 'IF-063', effectiveToDate: '2026-10-14' }), '0002')
  leaveMessage(inbox, message({ correlationId: 'a', deviceId, effectiveFromDate: '2026-10-01' }), '0001')
  await applyMessages(parts)
  assert.equal([...agreements.values()], [{ ...started, to: '2026-10-14' }])
  assert.equal(
    heard.map(({ correlationId, outcome }) => [correlationId, outcome]),
    [
      ['a', 'Accepted'],
      ['b', 'Accepted'],
    ],
  )
  assert.equal(readdirSync(inbox), [])
  assert.equal(JSON.parse(readFileSync(join(answers, 'a.json'), 'utf8')), heard[0])
  assert.ok(existsSync(join(answers, 'b.json')))
  leaveMessage(
    inbox,
    message({ correlationId: 'c', interfaceId: 'IF-065', fromDate: '2026-10-02', toDate: '2026-10-03' }),
    '0003',
  )
  await applyMessages(parts)
  const { consumption } = JSON.parse(readFileSync(join(answers, 'c.json'), 'utf8'))
  assert.equal(consumption, [mpanCore, '2026-10-02', '2026-10-03'])
  rmSync(folder, { recursive: true })
})

test.run()
