// Signed messages attacked at random; what is accepted is compared with what was signed and with two other readers. Each document has a seed
// of its own, so that any one can be made again.

import { isDeepStrictEqual } from 'node:util'
import { createRandom } from '../../../emulation/random.ts'
import { parseRequest } from '../../../host/duis/parse.ts'
import { parseResponse, verifyResponse } from '../../../host/duis/read-response.ts'
import { verifySignature } from '../../../host/duis/verify.ts'
import { testIdentities } from '../../../host/pki/test-pki.ts'
import { createTrustStore, findSigner, trustedSigner } from '../../../host/pki/trust.ts'
import { nowMs, vector } from '../bench/duis-parties.ts'
import { attacked } from './xml-attacks.ts'
import { libxml2Parses, libxml2Reads, xmlCryptoAccepts } from './xml-oracles.ts'

const names = [
  'signed-4.8.1.xml',
  'signed-4.1.1.xml',
  'signed-8.2.xml',
  'signed-5.1.xml',
  'signed-unusual.xml',
  'response-4.8.1.xml',
  'response-4.8.1-boxed.xml',
] as const

const pems = ['supplier.pem', 'supplier-b.pem', 'dsp.pem', 's1sp.pem'].map((name) => vector(name).toString())
const trust = createTrustStore(pems)

/** The result of reading bytes: the reason of a refusal, or the content that would be acted upon. */
type Verdict = { refused: string } | { accepted: unknown; serial: string }

function receiveRequest(bytes: Uint8Array): Verdict {
  const parsed = parseRequest(bytes)
  if (!parsed.ok) return { refused: parsed.fault }
  const { request, document } = parsed
  const signature = verifySignature(document, trust, { signerEui: request.requestId.originator, nowMs })
  return signature.ok ? { accepted: request, serial: serialIn(document.text) } : { refused: signature.fault }
}

function receiveResponse(bytes: Uint8Array): Verdict {
  const parsed = parseResponse(bytes)
  const { dsp, s1sp } = testIdentities
  const verified = verifyResponse(bytes, trust, { nowMs, dspEui: dsp.eui, s1spEui: s1sp.eui })
  if (!verified.ok) return { refused: verified.fault }
  if (!parsed.ok) return { refused: parsed.fault }
  const { message: _, payload: __, ...response } = parsed.response
  return { accepted: response, serial: trustedSigner(vector('dsp.pem').toString()).serial }
}

/** Serial number in the last signature of canonical text. */
function serialIn(text: string): string {
  return /.*X509SerialNumber>\s*(\d+)/s.exec(text)?.[1] ?? ''
}

const originals = names.map((name) => {
  const text = vector(name).toString()
  const receive = name.startsWith('signed') ? receiveRequest : receiveResponse
  const verdict = receive(Buffer.from(text))
  const read = libxml2Reads(Buffer.from(text))
  if (!('accepted' in verdict) || read === undefined) throw new Error(`${name} is not accepted as it is`)
  return { name, text, receive, verdict, read }
})

/** For xml-crypto, which takes text only. */
function textOf(bytes: Uint8Array): string {
  const [first = -1, second = -1] = bytes
  const bigEndian = (first === 0xfe && second === 0xff) || (first === 0 && second === 0x3c)
  const littleEndian = (first === 0xff && second === 0xfe) || (first === 0x3c && second === 0)
  const latin = /^<\?xml[^>]*encoding=["'](?:iso-8859-1|windows-1252)["']/i.test(Buffer.from(bytes).toString('latin1'))
  const encoding = bigEndian ? 'utf-16be' : littleEndian ? 'utf-16le' : latin ? 'latin1' : 'utf-8'
  return new TextDecoder(encoding).decode(bytes)
}

export interface Tally {
  /** By attack: documents, accepted by us, found well-formed by libxml2, signature accepted by xml-crypto. */
  rows: Map<string, { documents: number; accepted: number; wellFormed: number; xmlCrypto: number }>
  /** Reasons for which we refused. */
  refused: Map<string, number>
  /** Only the oracle accepts: we are stricter. */
  stricter: number
  problems: { seed: number; problem: string; attack: string; of: string; document: string }[]
}

/** Problems that are kept; the run ends at the last. */
const problemsMax = 10

/** What is wrong with the result for a document, or nothing. */
function problemOf(
  original: (typeof originals)[number],
  bytes: Uint8Array,
  verdict: Verdict,
  xmlCrypto: () => boolean,
): string | undefined {
  if ('refused' in verdict) return undefined
  if (!isDeepStrictEqual(verdict.accepted, original.verdict.accepted))
    return 'accepted, and says something else than what was signed'
  const read = libxml2Reads(bytes)
  if (read === undefined) return 'accepted, and libxml2 finds it not well-formed'
  if (!isDeepStrictEqual(read.strings, original.read.strings)) return 'accepted, and libxml2 reads something else'
  if (!xmlCrypto()) return 'accepted, and xml-crypto refuses the signature'
  return undefined
}

/**
 * Attacks `count` documents, from a seed on. xml-crypto is slow: it checks what is accepted, and one in `askEvery` of what
 * only libxml2 accepts.
 */
export function fuzzXml(seed: number, count: number, askEvery: number, note: (done: number) => void = () => {}): Tally {
  const tally: Tally = { rows: new Map(), refused: new Map(), stricter: 0, problems: [] }
  for (let i = 0; i < count && tally.problems.length < problemsMax; i++) {
    const random = createRandom(seed + i)
    const original = originals[random.below(originals.length)]!
    const { attack, bytes } = attacked(original.text, random)
    const row = tally.rows.get(attack) ?? { documents: 0, accepted: 0, wellFormed: 0, xmlCrypto: 0 }
    tally.rows.set(attack, row)
    row.documents += 1
    const report = (problem: string) => {
      const document = Buffer.from(bytes).toString('latin1')
      tally.problems.push({ seed: seed + i, problem, attack, of: original.name, document })
    }
    try {
      const verdict = original.receive(bytes)
      const wellFormed = libxml2Parses(bytes)
      const ask = () => {
        const { publicKey } = findSigner(trust, original.verdict.serial, issuerOf(original.verdict.serial))!
        return xmlCryptoAccepts(textOf(bytes), publicKey)
      }
      let asked: boolean | undefined
      const xmlCrypto = () => (asked ??= ask())
      const problem = problemOf(original, bytes, verdict, xmlCrypto)
      if (problem !== undefined) report(problem)
      if ('refused' in verdict) {
        tally.refused.set(verdict.refused, (tally.refused.get(verdict.refused) ?? 0) + 1)
        if (wellFormed && i % askEvery === 0 && xmlCrypto()) tally.stricter += 1
      } else row.accepted += 1
      if (wellFormed) row.wellFormed += 1
      if (asked) row.xmlCrypto += 1
    } catch (error) {
      report(`thrown: ${(error as Error).stack}`)
    }
    if ((i + 1) % 10_000 === 0) note(i + 1)
  }
  return tally
}

function issuerOf(serial: string): string {
  return pems.map(trustedSigner).find((one) => one.serial === serial)!.issuer
}
