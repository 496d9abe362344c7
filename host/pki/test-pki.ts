// The test PKI: a certificate authority and the parties of the reference test data set. For tests only: no other system
// trusts these certificates, and the keys are in plain files.

import { createPublicKey, type KeyObject } from 'node:crypto'
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
  writeSync,
} from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { dayMs } from '../../protocol/half-hour.ts'
import {
  authorityExtensions,
  certificatePem,
  cnOid,
  distinguishedName,
  newKeys,
  newSerial,
  ouOid,
  signerExtensions,
} from './certificate.ts'
import { uniqueIdentifierOid } from './der.ts'
import { keyError, readCertificate, readPrivateKey, readSigner } from './key-files.ts'
import type { Signer } from './signer.ts'
import type { SigningTool } from './signing-tool.ts'
import { createTrustStore, decimalSerial, issuerNameOf, type TrustStore } from './trust.ts'

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
  /** Whether that is a virtual clock's time, which the authority's name then says. */
  isVirtual?: boolean
  /** For serial numbers; keys always come from the system. */
  randomBytes?: (count: number) => Uint8Array
}

const authorityFile = 'ca'
const authorityName = 'smets1 test CA'
/** Of an authority whose certificates are dated by a virtual clock. */
const virtualAuthorityName = `${authorityName} on virtual time`

/** Names of files in the folder that no User can have. */
export const reservedNames: readonly string[] = [authorityFile, 'dsp', 's1sp']

type Authority = { name: Uint8Array; key: KeyObject }

/**
 * Makes the folder `directory` (mode 700) with the authority's certificate `ca.pem` and key `ca.key`, and `NAME.pem` (644)
 * and `NAME.key` (PKCS #8, 600) for each of `testIdentities`. An interrupted run leaves no folder.
 *
 * Throws Error when `directory` exists, whatever is in it, or cannot be written.
 */
export function createTestPki(directory: string, options: TestPkiOptions): void {
  if (existsSync(directory)) throw new Error(`${directory} exists; remove it, or name another folder for new test keys`)
  mkdirSync(dirname(directory), { recursive: true })
  const temporary = mkdtempSync(join(dirname(directory), `.${basename(directory)}-`))
  try {
    const authority = createAuthority(temporary, options.isVirtual ? virtualAuthorityName : authorityName, options)
    for (const [name, { eui, role }] of Object.entries(testIdentities))
      issue(temporary, authority, { name, eui, role }, options)
    chmodSync(temporary, 0o700)
    renameSync(temporary, directory)
  } catch (error) {
    rmSync(temporary, { recursive: true, force: true })
    throw error
  }
}

/**
 * Adds a party to a folder that `createTestPki` made: `NAME.key` and `NAME.pem`. Role: as in `testIdentities`. A folder of
 * version 0.1, which has no `ca.key`, gets a second authority; `ca.pem` then holds both certificates.
 *
 * Throws Error when one of the files exists or cannot be written; then neither is left.
 */
export function addIdentity(
  directory: string,
  party: { name: string; eui: string; role: string },
  options: TestPkiOptions,
): void {
  for (const ending of ['key', 'pem']) {
    const file = join(directory, `${party.name}.${ending}`)
    if (existsSync(file)) throw new Error(`${file} exists; move it away, or choose another name`)
  }
  const keyFile = join(directory, `${authorityFile}.key`)
  const authority = existsSync(keyFile)
    ? { name: nameOfAuthority(directory), key: readPrivateKey(keyFile) }
    : createAuthority(directory, `${authorityName} 2`, options)
  try {
    issue(directory, authority, party, options)
  } catch (error) {
    for (const ending of ['key', 'pem']) rmSync(join(directory, `${party.name}.${ending}`), { force: true })
    throw error
  }
}

/** Whether the authority's certificate is valid at a time. Certificates that were added later may begin later. */
export function isPkiValidAt(directory: string, nowMs: number): boolean {
  const { validFrom, validTo } = readCertificate(join(directory, `${authorityFile}.pem`))
  return Date.parse(validFrom) <= nowMs && nowMs < Date.parse(validTo)
}

/**
 * Dates a folder that `createTestPki` made anew: certificates of the same parties and keys, valid from a day before `nowMs`.
 * @throws Error when it cannot be written, CommandError for a file that is unusable
 */
export function renewTestPki(directory: string, options: TestPkiOptions): void {
  const temporary = mkdtempSync(join(dirname(directory), `.${basename(directory)}-`))
  try {
    const name = authorityDn(options.isVirtual ? virtualAuthorityName : authorityName)
    const authority = { name, key: readPrivateKey(join(directory, `${authorityFile}.key`)) }
    write(temporary, `${authorityFile}.pem`, authorityCertificate(name, authority.key, options), 0o644)
    const names = readdirSync(directory).flatMap((file) => /^(.*)\.key$/.exec(file)?.[1] ?? [])
    for (const party of names.filter((one) => one !== authorityFile)) {
      const file = join(directory, `${party}.pem`)
      const role = /^OU=(.*)$/m.exec(readCertificate(file).subject)?.[1] ?? ''
      const { signer, eui } = loadIdentity(directory, party)
      issue(temporary, authority, { name: party, eui, role }, options, signer.key)
    }
    for (const file of readdirSync(temporary)) renameSync(join(temporary, file), join(directory, file))
  } finally {
    rmSync(temporary, { recursive: true, force: true })
  }
}

function validity(nowMs: number) {
  return { notBeforeMs: nowMs - dayMs, notAfterMs: nowMs + 3_650 * dayMs }
}

function authorityDn(commonName: string): Uint8Array {
  // RFC 4514 writes it as "CN=smets1 test CA,OU=07".
  return distinguishedName([ouOid, '07'], [cnOid, commonName])
}

function nameOfAuthority(directory: string): Uint8Array {
  const { subject } = readCertificate(join(directory, `${authorityFile}.pem`))
  return authorityDn(/^CN=(.*)$/m.exec(subject)?.[1] ?? authorityName)
}

/** Makes an authority. Its certificate precedes those in `ca.pem`. */
function createAuthority(directory: string, commonName: string, options: TestPkiOptions): Authority {
  const name = authorityDn(commonName)
  const { privateKey } = newKeys()
  const pem = authorityCertificate(name, privateKey, options)
  write(directory, `${authorityFile}.key`, `${privateKey.export({ type: 'pkcs8', format: 'pem' })}`, 0o600)
  const file = join(directory, `${authorityFile}.pem`)
  const before = existsSync(file) ? readFileSync(file, 'utf8') : ''
  rmSync(file, { force: true })
  write(directory, `${authorityFile}.pem`, `${pem}${before}`, 0o644)
  return { name, key: privateKey }
}

function authorityCertificate(name: Uint8Array, key: KeyObject, { nowMs, randomBytes }: TestPkiOptions): string {
  const parts = { serial: newSerial(randomBytes), issuer: name, subject: name, publicKey: createPublicKey(key) }
  return certificatePem({ ...parts, extensions: authorityExtensions, ...validity(nowMs) }, key)
}

/** Writes certificate and key of a party; a new key unless given. */
function issue(
  directory: string,
  authority: Authority,
  { name, eui, role }: { name: string; eui: string; role: string },
  { nowMs, randomBytes }: TestPkiOptions,
  key: KeyObject = newKeys().privateKey,
): void {
  const subject = distinguishedName([cnOid, `smets1 test ${name}`], [ouOid, role], [uniqueIdentifierOid, eui])
  const parts = { serial: newSerial(randomBytes), issuer: authority.name, subject, publicKey: createPublicKey(key) }
  const pem = certificatePem({ ...parts, extensions: signerExtensions, ...validity(nowMs) }, authority.key)
  write(directory, `${name}.key`, `${key.export({ type: 'pkcs8', format: 'pem' })}`, 0o600)
  write(directory, `${name}.pem`, pem, 0o644)
}

/**
 * The party called `name` in a folder made by `createTestPki`, or any NAME.pem and NAME.key put there.
 *
 * Throws CommandError with the exit code for keys, naming the file, when one is missing or unusable, when key and
 * certificate do not belong together, and when others may read the key.
 */
export function loadIdentity(directory: string, name: string): Identity {
  return identityOf(name, join(directory, `${name}.pem`), join(directory, `${name}.key`))
}

/** A party from its certificate and key in PEM. Throws CommandError as `loadIdentity`. */
export function identityOf(name: string, certificateFile: string, keyFile: string): Identity {
  const certificate = readCertificate(certificateFile)
  const key = readPrivateKey(keyFile)
  if (!certificate.checkPrivateKey(key)) {
    throw keyError(`${keyFile} is not the key of ${certificateFile}: restore the file that belongs to the other`)
  }
  const signer = { key, issuerName: issuerNameOf(certificate), serial: decimalSerial(certificate) }
  return { name, eui: readSigner(certificateFile).eui, signer }
}

/**
 * Trust in every certificate NAME.pem of the folder but the authority's, in `others` (PEM), and in those of a signing
 * tool. Throws CommandError naming the file of one that is unusable.
 */
export function loadTrust(directory: string, others: readonly string[] = [], tool?: SigningTool): TrustStore {
  const files = readdirSync(directory).filter((file) => file.endsWith('.pem') && file !== `${authorityFile}.pem`)
  const own = files.sort().map((file) => readSigner(join(directory, file)))
  return createTrustStore(others, [...own, ...(tool?.signers ?? [])])
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
