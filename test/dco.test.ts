import { chmodSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { createDco } from '../host/dco/sealer.ts'
import { addToVault, openVault } from '../host/dco/vault.ts'
import { toHex } from '../protocol/bytes.ts'
import { kind, nonceOf } from '../protocol/link.ts'
import { open, seal } from '../protocol/seal.ts'
import { createRandom } from './support/random.ts'

const test = suite('DCO')
const eui = '00-DB-12-34-56-78-90-A0'
const random = createRandom(1)
const key = random.bytes(32)
let folder = ''
let path = ''
test.before.each(() => {
  folder = mkdtempSync(join(tmpdir(), 'smets1-dco-'))
  path = join(folder, 'dco', 'vault.json')
})
test.after.each(() => rmSync(folder, { recursive: true, force: true }))

test('keys go in and come out; the file and its folder are the owner’s alone', () => {
  addToVault(path, eui, key)
  addToVault(path, '00-DB-12-34-56-78-90-A1', random.bytes(32))
  const other = random.bytes(32)
  addToVault(path, '00-DB-12-34-56-78-90-A1', other)
  const vault = openVault(path)
  assert.is(toHex(vault.key(eui)!), toHex(key))
  assert.is(toHex(vault.key('00-DB-12-34-56-78-90-A1')!), toHex(other))
  assert.is(vault.key('00-DB-12-34-56-78-90-A2'), undefined)
  assert.is(statSync(path).mode & 0o777, 0o600)
  assert.is(statSync(join(folder, 'dco')).mode & 0o777, 0o700)
})

test('a vault that others may read, or that is damaged, is refused by name and never quoted', () => {
  addToVault(path, eui, key)
  const good = readFileSync(path, 'utf8')
  const secret = toHex(key)
  const cases: [string, () => void, RegExp][] = [
    ['readable by others', () => chmodSync(path, 0o640), /others may read it .*chmod 600/],
    ['cut short', () => writeFileSync(path, good.slice(0, 90)), /not a DCO vault/],
    ['of another version', () => writeFileSync(path, good.replace('"version": 1', '"version": 7')), /version 7/],
    ['a key too short', () => writeFileSync(path, good.replace(secret, secret.slice(2))), /not 32 bytes/],
  ]
  for (const [name, spoil, said] of cases) {
    writeFileSync(path, good)
    chmodSync(path, 0o600)
    spoil()
    let message = ''
    try {
      openVault(path)
    } catch (error) {
      message = (error as Error).message
    }
    assert.match(message, said, name)
    assert.not.match(message, new RegExp(secret.slice(4, 30)), name)
  }
})

test('a session seals with counters from 1, and only after it was bound, once', async () => {
  const dco = createDco({ key: (id) => (id === eui ? key : undefined) }, random.bytes)
  assert.is(dco.open('00-DB-12-34-56-78-90-A9'), undefined)
  const session = dco.open(eui)!
  const message = new Uint8Array([0x81, 0])
  const sealedUnbound = await session.sealAsk(message).catch(() => undefined)
  assert.is(sealedUnbound, undefined)
  session.bind(3, 4)
  assert.throws(() => session.bind(3, 4), /once/)
  for (let counter = 1; counter < 4; counter++) {
    const sealed = await session.sealAsk(message)
    assert.is(sealed.counter, counter)
    const nonce = nonceOf(kind.ask, { hostNonce: session.hostNonce, boot: 3, session: 4 }, counter, 0)
    assert.equal(open(sealed.sealed, nonce, key), message)
  }
  assert.not.equal(toHex(dco.open(eui)!.hostNonce), toHex(session.hostNonce))
})

test('it opens answers to its own asks only', async () => {
  const dco = createDco({ key: () => key }, random.bytes)
  const session = dco.open(eui)!
  const message = new Uint8Array([0x82, 0, 0x40])
  const link = { hostNonce: session.hostNonce, boot: 1, session: 1 }
  const answer = (counter: number, last: boolean) => ({
    kind: 'answer' as const,
    counter,
    block: 2,
    last,
    sealed: seal(message, nonceOf(last ? kind.lastAnswer : kind.answer, link, counter, 2), key),
  })
  assert.is(await session.openAnswer(answer(1, true)), undefined, 'not bound')
  session.bind(1, 1)
  assert.is(await session.openAnswer(answer(1, true)), undefined, 'nothing asked')
  await session.sealAsk(new Uint8Array(1))
  assert.equal(await session.openAnswer(answer(1, true)), message)
  assert.equal(await session.openAnswer(answer(1, false)), message)
  assert.is(await session.openAnswer({ ...answer(1, true), last: false }), undefined, 'another kind')
  assert.is(await session.openAnswer({ ...answer(1, true), block: 1 }), undefined, 'another block')
  assert.is(await session.openAnswer(answer(2, true)), undefined, 'a later ask')
})

test('it opens the alerts of its session, unasked, once, and nothing else in their name', async () => {
  const dco = createDco({ key: () => key }, random.bytes)
  const session = dco.open(eui)!
  const message = new Uint8Array([0x82, 0, 0x40])
  const link = { hostNonce: session.hostNonce, boot: 1, session: 1 }
  const frame = (counter: number, block: number, last = true, of = link) => ({
    kind: 'answer' as const,
    counter,
    block,
    last,
    sealed: seal(message, nonceOf(last ? kind.lastAnswer : kind.answer, of, counter, block), key),
  })
  assert.is(await session.openAlerts(frame(0, 0)), undefined, 'not bound')
  session.bind(1, 1)
  assert.is(await session.openAlerts(frame(0, 0, true, { ...link, session: 2 })), undefined, 'of another session')
  assert.is(await session.openAlerts(frame(0, 1)), undefined, 'another block')
  assert.is(await session.openAlerts(frame(0, 0, false)), undefined, 'not the last')
  await session.sealAsk(new Uint8Array(1))
  assert.is(await session.openAlerts(frame(1, 0)), undefined, 'an answer to an ask')
  assert.is(await session.openAnswer(frame(0, 0)), undefined, 'alerts are no answer')
  assert.equal(await session.openAlerts(frame(0, 0)), message)
  assert.is(await session.openAlerts(frame(0, 0)), undefined, 'a second time')
})

test.run()
