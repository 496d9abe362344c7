import { chmodSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { createRandom } from '../../../emulation/random.ts'
import { createDco } from '../../../host/dco/sealer.ts'
import { addKey, openVault, vaultProblems } from '../../../host/dco/vault.ts'
import { toHex } from '../../../protocol/bytes.ts'
import { kind, nonceOf } from '../../../protocol/link.ts'
import { open, seal } from '../../../protocol/seal.ts'

const test = suite('DCO')
const eui = '00-DB-12-34-56-78-90-A0'
const random = createRandom(1)
const key = random.bytes(32)
let folder = ''
let path = ''
test.before.each(() => {
  folder = mkdtempSync(join(tmpdir(), 'smets1-dco-'))
  path = join(folder, 'dco', 'vault')
})
test.after.each(() => rmSync(folder, { recursive: true, force: true }))

test('keys go in and come out; each file and their folder are the owner’s alone', () => {
  const second = '00-DB-12-34-56-78-90-A1'
  addKey(path, eui, key)
  const vault = openVault(path)
  // What another process adds later holds from then on.
  addKey(path, second, random.bytes(32))
  const other = random.bytes(32)
  addKey(path, second, other)
  assert.equal(vault.key(eui), key)
  assert.equal(vault.key(second), other)
  for (const unknown of ['00-DB-12-34-56-78-90-A2', '../vault/00-DB-12-34-56-78-90-A0', '', eui.toLowerCase()]) {
    assert.is(vault.key(unknown), undefined)
  }
  assert.throws(() => addKey(path, '../x', key), /no EUI-64/)
  assert.equal(readdirSync(path).sort(), [`${eui}.json`, `${second}.json`])
  for (const name of readdirSync(path)) assert.is(statSync(join(path, name)).mode & 0o777, 0o600)
  assert.is(statSync(path).mode & 0o777, 0o700)
})

test('a key that others may read, or that is damaged, is refused by name and never quoted', () => {
  const file = join(path, `${eui}.json`)
  addKey(path, eui, key)
  const good = readFileSync(file, 'utf8')
  const secret = toHex(key)
  const cases: [string, () => void, RegExp][] = [
    ['readable by others', () => chmodSync(file, 0o640), /others may read it .*chmod 600/],
    ['cut short', () => writeFileSync(file, good.slice(0, 60)), /not JSON/],
    ['of another version', () => writeFileSync(file, good.replace('"version":1', '"version":7')), /version 7/],
    ['nothing', () => writeFileSync(file, 'null'), /version undefined/],
    ['a key too short', () => writeFileSync(file, good.replace(secret, secret.slice(2))), /not 32 bytes/],
  ]
  for (const [name, spoil, said] of cases) {
    writeFileSync(file, good)
    chmodSync(file, 0o600)
    spoil()
    let message = ''
    try {
      openVault(path).key(eui)
    } catch (error) {
      message = (error as Error).message
    }
    assert.match(message, said, name)
    assert.not.match(message, new RegExp(secret.slice(4, 30)), name)
    assert.equal(vaultProblems(path), [message], name)
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
