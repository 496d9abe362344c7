import { X509Certificate } from 'node:crypto'
import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { createRandom } from '../../../emulation/random.ts'
import { certificatePem, newKeys, newSerial, signerExtensions } from '../../../host/pki/certificate.ts'
import { bitString, der, oid, sequence, uniqueIdentifierOid } from '../../../host/pki/der.ts'
import {
  addIdentity,
  createTestPki,
  loadIdentity,
  loadTrust,
  type TestIdentityName,
  testIdentities,
} from '../../../host/pki/test-pki.ts'
import { findSigner, trustedSigner } from '../../../host/pki/trust.ts'
import { nowMs } from '../../support/bench/duis-parties.ts'
import { toolFile } from '../../support/bench/duis-schema.ts'

const parent = mkdtempSync(join(tmpdir(), 'smets1-pki-'))
const directory = join(parent, 'deep', 'pki')
const umask = process.umask(0)
createTestPki(directory, { nowMs })
process.umask(umask)

test('keys are for their owner alone, whatever the umask', () => {
  assert.is(statSync(directory).mode & 0o777, 0o700)
  for (const file of readdirSync(directory)) {
    assert.is(statSync(join(directory, file)).mode & 0o777, file.endsWith('.key') ? 0o600 : 0o644, file)
  }
  assert.is(readdirSync(directory).length, 2 * Object.keys(testIdentities).length + 2)
  assert.equal(readdirSync(join(parent, 'deep')), ['pki'])
})

test('each identity has the certificate of a smart metering party', () => {
  const authority = new X509Certificate(readFileSync(join(directory, 'ca.pem')))
  assert.ok(authority.ca && authority.verify(authority.publicKey))
  const trust = loadTrust(directory)
  const serials = new Set<string>()
  for (const [name, { eui, role }] of Object.entries(testIdentities)) {
    const identity = loadIdentity(directory, name)
    assert.is(identity.eui, eui)
    assert.is(identity.signer.issuerName, 'CN=smets1 test CA,OU=07')
    const found = findSigner(trust, identity.signer.serial, 'OU=07, CN=smets1 test CA')
    assert.is(found?.eui, eui)
    const certificate = new X509Certificate(readFileSync(join(directory, `${name}.pem`)))
    assert.ok(certificate.checkIssued(authority) && certificate.verify(authority.publicKey))
    assert.match(certificate.subject, new RegExp(`^CN=smets1 test ${name}\nOU=${role}\n`))
    assert.ok(Date.parse(certificate.validFrom) < nowMs && Date.parse(certificate.validTo) > nowMs)
    serials.add(identity.signer.serial)
  }
  assert.is(serials.size, 6)
})

test('serial numbers come from the given randomness; keys do not', () => {
  const make = (name: string) => {
    const chance = createRandom(1).next
    const randomBytes = (count: number) => Uint8Array.from({ length: count }, () => chance() * 256)
    createTestPki(join(parent, name), { nowMs, randomBytes })
    return loadIdentity(join(parent, name), 'mdr').signer
  }
  const [a, b] = [make('a'), make('b')]
  assert.is(a.serial, b.serial)
  assert.not.ok(a.key.equals(b.key))
})

test('a date beyond 2049 is written as such', () => {
  const later = join(parent, 'later')
  createTestPki(later, { nowMs: Date.UTC(2048, 0) })
  const { notBeforeMs, notAfterMs } = trustedSigner(readFileSync(join(later, 'dsp.pem'), 'utf8'))
  assert.is(notBeforeMs, Date.UTC(2047, 11, 31))
  assert.is(notAfterMs, Date.UTC(2048, 0) + 3_650 * 86_400_000)
})

test('an existing folder is left alone', () => {
  assert.throws(() => createTestPki(directory, { nowMs }), /exists/)
  const broken = () => {
    throw new Error('no randomness')
  }
  assert.throws(() => createTestPki(join(parent, 'half'), { nowMs, randomBytes: broken }), /no randomness/)
  assert.not.ok(existsSync(join(parent, 'half')))
  assert.not.ok(readdirSync(parent).some((name) => name.startsWith('.half')))
})

test('a key that others can read is refused, with the fix', () => {
  const copy = join(parent, 'copy')
  createTestPki(copy, { nowMs })
  const keyFile = join(copy, 'mdr.key')
  for (const mode of [0o640, 0o604, 0o620]) {
    chmodSync(keyFile, mode)
    assert.throws(() => loadIdentity(copy, 'mdr'), new RegExp(`mode ${mode.toString(8)}.*chmod 600 '${keyFile}'`))
  }
  chmodSync(keyFile, 0o400)
  assert.is(loadIdentity(copy, 'mdr').name, 'mdr')
  copyFileSync(join(copy, 'dsp.pem'), join(copy, 'mdr.pem'))
  assert.throws(() => loadIdentity(copy, 'mdr'), /mdr\.key is not the key of .*mdr\.pem/)
  assert.throws(() => loadIdentity(copy, 'nobody' as TestIdentityName), /nobody\.pem is missing/)
  writeFileSync(join(copy, 'extra.pem'), readFileSync(join(copy, 'ca.pem')))
  assert.throws(() => loadTrust(copy), /extra\.pem: .*no EUI-64/)
})

test('the certificates of the DCC’s tool are understood', () => {
  const tool = (name: string) => trustedSigner(toolFile(name))
  const supplier = tool('xml-sign-90B3D51F30010000-ds.pem')
  assert.is(supplier.eui, '90-B3-D5-1F-30-01-00-00')
  assert.is(supplier.serial, '27572613927499351639968579586655397031')
  assert.is(tool('xml-sign-00DB123456780004-ds.pem').eui, '00-DB-12-34-56-78-00-04')
  assert.is(tool('dsp-xml-sign-90B3D51F30000002-ds.pem').eui, '90-B3-D5-1F-30-00-00-02')
  assert.is(tool('Z1-supplier2-ds.pem').eui, '90-B3-D5-1F-30-03-00-00')
})

test('the EUI-64 is read from a BIT STRING, from text and from text in a BIT STRING', () => {
  const keys = newKeys()
  const bytes = Buffer.from('00db123456780005', 'hex')
  const read = (value: Uint8Array) => {
    const subject = sequence(der(0x31, sequence(oid(uniqueIdentifierOid), value)))
    const parts = { serial: newSerial(), issuer: subject, subject, publicKey: keys.publicKey, notBeforeMs: nowMs }
    const pem = certificatePem({ ...parts, notAfterMs: nowMs + 1e9, extensions: signerExtensions }, keys.privateKey)
    return trustedSigner(pem).eui
  }
  const texts = ['00DB123456780005', '00-DB-12-34-56-78-00-05', '00:db:12:34:56:78:00:05']
  const values = texts.flatMap((text) => [
    ...[0x0c, 0x13, 0x16].map((tag) => der(tag, Buffer.from(text))),
    bitString(Buffer.from(text)),
  ])
  for (const value of [bitString(bytes), ...values]) assert.is(read(value), '00-DB-12-34-56-78-00-05')
  const wrong = ['00DB12345678000', '00DB1234567800055', '00-DB:12-34-56-78-00-05', 'not an EUI-64 !!', 'ABCDEFGH', '']
  for (const text of wrong) assert.throws(() => read(der(0x0c, Buffer.from(text))), /no EUI-64/)
  assert.throws(
    () =>
      read(
        der(
          0x03,
          Uint8Array.of(4),
          bytes.map((byte) => byte & 0xf0),
        ),
      ),
    /no EUI-64/,
  )
})

test('addIdentity: issued by the authority; a PKI without its key gets a second authority', () => {
  const mine = join(parent, 'mine')
  createTestPki(mine, { nowMs })
  const party = (name: string) => ({ name, eui: '00-DB-12-34-56-78-00-05', role: '87' })
  const issuedBy = (name: string) => {
    const found = new X509Certificate(readFileSync(join(mine, `${name}.pem`)))
    const bundle = readFileSync(join(mine, 'ca.pem'), 'utf8').split(/(?<=-----END CERTIFICATE-----\n)/)
    return bundle.findIndex((pem) => found.verify(new X509Certificate(pem).publicKey))
  }
  addIdentity(mine, party('a'), { nowMs })
  assert.is(issuedBy('a'), 0)
  rmSync(join(mine, 'ca.key'))
  addIdentity(mine, party('b'), { nowMs })
  assert.is(issuedBy('b'), 0)
  assert.is(issuedBy('a'), 1)
  assert.is(loadIdentity(mine, 'b').eui, '00-DB-12-34-56-78-00-05')
  assert.throws(() => addIdentity(mine, party('b'), { nowMs }), /b\.key exists/)
})

test.after(() => rmSync(parent, { recursive: true, force: true }))

test.run()
