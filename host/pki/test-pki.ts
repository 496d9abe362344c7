// The test PKI: a certificate authority and the parties of the reference test data set. For tests only: no other system
// trusts these certificates, and the keys are in plain files.

import {
  createPrivateKey,
  generateKeyPairSync,
  type KeyObject,
  sign,
  randomBytes as systemRandomBytes,
  X509Certificate,
} from 'node:crypto'
import {
  chmodSync,
  closeSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeSync,
} from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { dayMs } from '../../protocol/half-hour.ts'
import { bitString, der, oid, sequence, time, uniqueIdentifierOid } from './der.ts'
import type { Signer } from './signer.ts'
import type { SigningTool } from './signing-tool.ts'
import { createTrustStore, decimalSerial, issuerNameOf, type TrustStore, trustedSigner } from './trust.ts'

/**
 * The parties that get a certificate: EUI-64, and the role in hexadecimal as in the OU of smart metering certificates (87
 * signs XML for a User, 89 for the DCC). All but the last EUI-64 are from the reference test data set, which has none for
 * an S1SP: that EUI-64 and its role are assumptions.
 */
export const testIdentities = {
  supplier: { eui: '90-B3-D5-1F-30-01-00-00', role: '87' },
  'network-operator': { eui: '90-B3-D5-1F-30-02-00-00', role: '87' },
  mdr: { eui: '90-B3-D5-1F-30-01-00-09', role: '87' },
  'other-user': { eui: '00-DB-12-34-56-78-00-04', role: '87' },
  dsp: { eui: '90-B3-D5-1F-30-00-00-02', role: '89' },
  s1sp: { eui: '90-B3-D5-1F-30-00-00-0A', role: '89' },
} as const satisfies Record<string, { eui: string; role: string }>

export type TestIdentityName = keyof typeof testIdentities

/** A party with its key. */
export type Identity = { name: string; eui: string; signer: Signer }

export type TestPkiOptions = {
  /** Certificates are valid from a day before, for ten years. */
  nowMs: number
  /** For serial numbers; keys always come from the system. */
  randomBytes?: (count: number) => Uint8Array
}

const authorityFile = 'ca'

/**
 * Makes the folder `directory` (mode 700) with `ca.pem`, and `NAME.pem` (644) and `NAME.key` (PKCS #8, 600) for each of
 * `testIdentities`. The authority's own key is not stored. An interrupted run leaves no folder.
 *
 * Throws Error when `directory` exists, whatever is in it, or cannot be written.
 */
export function createTestPki(directory: string, { nowMs, randomBytes = systemRandomBytes }: TestPkiOptions): void {
  if (existsSync(directory)) throw new Error(`${directory} exists; remove it, or name another folder for new test keys`)
  mkdirSync(dirname(directory), { recursive: true })
  const temporary = mkdtempSync(join(dirname(directory), `.${basename(directory)}-`))
  try {
    // DER order; RFC 4514 writes names from the end, so this is "CN=smets1 test CA,OU=07".
    const authority = name([ouOid, '07'], [cnOid, 'smets1 test CA'])
    const authorityKeys = newKeys()
    const validity = { notBeforeMs: nowMs - dayMs, notAfterMs: nowMs + 3_650 * dayMs }
    const issue = (subject: Uint8Array, publicKey: KeyObject, extensions: Uint8Array) => {
      const serial = Uint8Array.from(randomBytes(16))
      // A serial number is positive and has no leading zero byte.
      serial[0] = ((serial[0] ?? 0) & 0x7f) | 0x40
      const parts = { serial, issuer: authority, subject, publicKey, extensions, ...validity }
      return toPem(certificate(parts, authorityKeys.privateKey))
    }
    write(temporary, `${authorityFile}.pem`, issue(authority, authorityKeys.publicKey, authorityExtensions), 0o644)
    for (const [identity, { eui, role }] of Object.entries(testIdentities)) {
      const keys = newKeys()
      const subject = name([cnOid, `smets1 test ${identity}`], [ouOid, role], [uniqueIdentifierOid, eui])
      write(temporary, `${identity}.pem`, issue(subject, keys.publicKey, signerExtensions), 0o644)
      write(temporary, `${identity}.key`, `${keys.privateKey.export({ type: 'pkcs8', format: 'pem' })}`, 0o600)
    }
    chmodSync(temporary, 0o700)
    renameSync(temporary, directory)
  } catch (error) {
    rmSync(temporary, { recursive: true, force: true })
    throw error
  }
}

/**
 * The party called `name` in a folder made by `createTestPki`, or any NAME.pem and NAME.key put there.
 *
 * Throws Error when a file is missing or unusable, when key and certificate do not belong together, and when others
 * may read the key.
 */
export function loadIdentity(directory: string, name: string): Identity {
  const keyFile = join(directory, `${name}.key`)
  const pem = readFileSync(join(directory, `${name}.pem`), 'utf8')
  const mode = statSync(keyFile).mode & 0o777
  // Windows has no such mode bits.
  if (process.platform !== 'win32' && (mode & 0o077) !== 0) {
    throw new Error(`others may read the key ${keyFile} (mode ${mode.toString(8)}); fix: chmod 600 '${keyFile}'`)
  }
  const key = createPrivateKey(readFileSync(keyFile))
  const found = new X509Certificate(pem)
  if (!found.checkPrivateKey(key)) throw new Error(`${keyFile} is not the key of ${name}.pem`)
  const signer = { key, issuerName: issuerNameOf(found), serial: decimalSerial(found) }
  return { name, eui: trustedSigner(pem).eui, signer }
}

/**
 * Trust in every certificate NAME.pem of the folder but the authority's, in `others` (PEM), and in those of a signing
 * tool. Throws Error for one that is unusable.
 */
export function loadTrust(directory: string, others: readonly string[] = [], tool?: SigningTool): TrustStore {
  const files = readdirSync(directory).filter((file) => file.endsWith('.pem') && file !== `${authorityFile}.pem`)
  const own = files.sort().map((file) => readFileSync(join(directory, file), 'utf8'))
  return createTrustStore([...own, ...others], tool?.signers)
}

/** Creates the file with its final mode, so that no other user can read it at any time. */
function write(directory: string, file: string, text: string, mode: number): void {
  const descriptor = openSync(join(directory, file), 'wx', mode)
  try {
    writeSync(descriptor, text)
  } finally {
    closeSync(descriptor)
  }
}

function newKeys() {
  return generateKeyPairSync('ec', { namedCurve: 'prime256v1' })
}

const cnOid = Uint8Array.of(0x55, 0x04, 0x03)
const ouOid = Uint8Array.of(0x55, 0x04, 0x0b)
const ecdsaWithSha256 = sequence(oid(Uint8Array.of(0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x02)))

function name(...parts: readonly (readonly [Uint8Array, string])[]): Uint8Array {
  return sequence(...parts.map(([type, text]) => der(0x31, sequence(oid(type), nameValue(type, text)))))
}

/** UTF8String, but for x500UniqueIdentifier: a BIT STRING of the EUI-64's eight bytes. */
function nameValue(type: Uint8Array, text: string): Uint8Array {
  return type === uniqueIdentifierOid
    ? bitString(Buffer.from(text.replaceAll('-', ''), 'hex'))
    : der(0x0c, Buffer.from(text))
}

const critical = der(0x01, Uint8Array.of(0xff))
// RFC 5280, 4.2.1.9 and 4.2.1.3; key usage digitalSignature is bit 0, keyCertSign bit 5.
const basicConstraints = sequence(oid(Uint8Array.of(0x55, 0x1d, 0x13)), critical, der(0x04, sequence(critical)))
const authorityExtensions = sequence(basicConstraints, keyUsage(0x04, 2))
const signerExtensions = sequence(keyUsage(0x80, 7))

function keyUsage(bits: number, unused: number): Uint8Array {
  const usage = der(0x03, Uint8Array.of(unused, bits))
  return sequence(oid(Uint8Array.of(0x55, 0x1d, 0x0f)), critical, der(0x04, usage))
}

type CertificateParts = {
  serial: Uint8Array
  issuer: Uint8Array
  subject: Uint8Array
  publicKey: KeyObject
  extensions: Uint8Array
  notBeforeMs: number
  notAfterMs: number
}

/** An X.509 version 3 certificate (RFC 5280, 4.1) in DER. */
function certificate(parts: CertificateParts, authorityKey: KeyObject): Uint8Array {
  const tbs = sequence(
    der(0xa0, der(0x02, Uint8Array.of(2))),
    der(0x02, parts.serial),
    ecdsaWithSha256,
    parts.issuer,
    sequence(time(parts.notBeforeMs), time(parts.notAfterMs)),
    parts.subject,
    parts.publicKey.export({ type: 'spki', format: 'der' }),
    der(0xa3, parts.extensions),
  )
  return sequence(tbs, ecdsaWithSha256, bitString(sign('sha256', tbs, authorityKey)))
}

function toPem(certificateDer: Uint8Array): string {
  const lines =
    Buffer.from(certificateDer)
      .toString('base64')
      .match(/.{1,64}/g) ?? []
  return ['-----BEGIN CERTIFICATE-----', ...lines, '-----END CERTIFICATE-----', ''].join('\n')
}
