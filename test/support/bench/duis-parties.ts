// Parties, sample messages and seeded chance for the DUIS tests.

import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { formatRequest, type RequestToFormat } from '../../../host/duis/format.ts'
import { type ParsedRequest, parseRequest } from '../../../host/duis/parse.ts'
import { requestIdOf } from '../../../host/duis/request.ts'
import { signDocument } from '../../../host/duis/sign.ts'
import { type SignatureResult, verifySignature } from '../../../host/duis/verify.ts'
import { createTestPki, type Identity, loadIdentity, loadTrust } from '../../../host/pki/test-pki.ts'
import { createTrustStore, type TrustStore } from '../../../host/pki/trust.ts'
import { root } from '../repository.ts'

/** The time at which all DUIS tests happen. */
export const nowMs = Date.UTC(2026, 10, 22)
export const esmeEui = '00-DB-12-34-56-78-90-A0'

export type Parties = { supplier: Identity; mdr: Identity; dsp: Identity; s1sp: Identity; trust: TrustStore }

let made: Parties | undefined

/** Fresh identities, made once per test process. */
export function parties(): Parties {
  if (made !== undefined) return made
  const parent = mkdtempSync(join(tmpdir(), 'smets1-duis-parties-'))
  const directory = join(parent, 'pki')
  createTestPki(directory, { nowMs })
  const load = (name: string) => loadIdentity(directory, name)
  const trust = loadTrust(directory)
  made = { supplier: load('supplier'), mdr: load('mdr'), dsp: load('dsp'), s1sp: load('s1sp'), trust }
  rmSync(parent, { recursive: true })
  return made
}

/** A 4.8.1 request of the supplier for one day, or with some fields otherwise. Unsigned. */
export function sampleRequest(fields: Partial<RequestToFormat> = {}): string {
  return formatRequest({
    requestId: requestIdOf(parties().supplier.eui, esmeEui, 1002n),
    serviceReferenceVariant: '4.8.1',
    period: { startMs: nowMs - 86_400_000, endMs: nowMs },
    ...fields,
  })
}

/** A file of `test/vectors/duis`. */
export function vector(name: string): Buffer {
  return readFileSync(join(root, 'test/vectors/duis', name))
}

/** Trust in the parties of the vectors. */
export function vectorTrust(): TrustStore {
  return createTrustStore(['supplier.pem', 'dsp.pem', 's1sp.pem'].map((name) => vector(name).toString()))
}

/** `sampleRequest`, signed by the supplier. */
export function signedRequest(fields: Partial<RequestToFormat> = {}): string {
  return signDocument(sampleRequest(fields), parties().supplier.signer)
}

/** Parses, and if that succeeds checks the signature against the originator: what the bridge does first. */
export function receive(
  text: string | Uint8Array,
  trust: TrustStore = parties().trust,
): { parsed: ParsedRequest; signature?: SignatureResult } {
  const parsed = parseRequest(typeof text === 'string' ? Buffer.from(text) : text)
  if (!parsed.ok) return { parsed }
  const signerEui = parsed.request.requestId.originator
  return { parsed, signature: verifySignature(parsed.document, trust, { signerEui, nowMs }) }
}

/** The fault of a received text, 'accepted' when there is none. */
export function faultOf(text: string | Uint8Array): string {
  const { parsed, signature } = receive(text)
  if (!parsed.ok) return parsed.fault
  return signature?.ok ? 'accepted' : signature!.fault
}

/** A template of the DCC's own collection, an external client's package; read while tests run. */
export function template(name: string): string {
  const main = createRequire(import.meta.url).resolve('@smartdcc/duis-templates')
  return readFileSync(join(dirname(main), '..', 'templates', name), 'utf8')
}

/** A template as a client has it before signing: without the signature that only holds a place. */
export function unsignedTemplate(name: string): string {
  return template(name).replace(/<ds:Signature[\s\S]*<\/ds:Signature>/, '')
}
