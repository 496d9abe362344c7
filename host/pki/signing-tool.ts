// Reads the keys of the DCC's own signing tool (DCC Boxed) from a jar that the user has. Its certificates are trusted and
// responses are signed with its DSP key, so that requests signed by it are accepted and its validator accepts the
// responses. A jar is a zip archive with certificates (PEM) and keys (PKCS #8) as plain files: no Java is needed. No part
// of the tool is in this program.

import { createPrivateKey, type KeyObject, X509Certificate } from 'node:crypto'
import { readFileSync, statSync } from 'node:fs'
import { basename } from 'node:path'
import type { Signer } from './signer.ts'
import { decimalSerial, issuerNameOf, type TrustedSigner, trustedSigner } from './trust.ts'
import { readZip } from './zip.ts'

export type SigningTool = {
  /**
   * Holders of its certificates. Validity dates are not checked, as the tool does not check them: some of its
   * certificates have expired.
   */
  signers: TrustedSigner[]
  /** Its DSP, with the key that signs responses. `name`: the certificate's file. */
  dsp: { name: string; eui: string; signer: Signer; serial: string }
}

const jarBytesMax = 64 * 1024 * 1024
/** A certificate has about 600 bytes, a key 140. */
const limits = { entriesMax: 10_000, fileBytesMax: 16_384 }

/** @throws Error, one sentence, when the file cannot be read or is not the signing tool */
export async function loadSigningTool(path: string, nowMs: number): Promise<SigningTool> {
  const { size } = statSync(path)
  if (size > jarBytesMax) throw new Error(`it has ${size} bytes, at most ${jarBytesMax}`)
  return readSigningTool(readFileSync(path), nowMs)
}

/** The same from the bytes of a jar. @throws Error */
export async function readSigningTool(jar: Buffer, nowMs: number): Promise<SigningTool> {
  const files = await readZip(jar, (name) => /^[^/]+\.(pem|key)$/.test(name), limits)
  const found: { name: string; pem: string; signer: TrustedSigner }[] = []
  for (const [file, bytes] of files) {
    const pem = bytes.toString('latin1')
    // Some keys are PEM files too.
    if (!file.endsWith('.pem') || !pem.includes('-----BEGIN CERTIFICATE-----')) continue
    const signer = {
      ...trustedSigner(pem),
      notBeforeMs: Number.NEGATIVE_INFINITY,
      notAfterMs: Number.POSITIVE_INFINITY,
    }
    found.push({ name: file.slice(0, -'.pem'.length), pem, signer })
  }
  if (found.length === 0) throw new Error('it holds no certificates: it is not the signing tool')
  const dsps = found
    .filter(({ name }) => /dsp-?xml-?sign/i.test(basename(name)))
    .flatMap(({ name, pem, signer }) => {
      const key = keyOf(files.get(`${name}.key`), pem)
      return key === undefined ? [] : [{ name, certificate: new X509Certificate(pem), eui: signer.eui, key }]
    })
  // Later versions of the tool also have the successor certificate. Of two from the same day, the replaced one has the
  // longer name.
  const startMs = (one: { certificate: X509Certificate }) => Date.parse(one.certificate.validFrom)
  const [dsp] = dsps
    .filter((one) => startMs(one) <= nowMs)
    .sort((a, b) => startMs(b) - startMs(a) || a.name.length - b.name.length)
  if (dsp === undefined) throw new Error('it holds no key of the DSP (dsp-xml-sign…): it is not the signing tool')
  const serial = decimalSerial(dsp.certificate)
  return {
    signers: found.map(({ signer }) => signer),
    dsp: {
      name: dsp.name,
      eui: dsp.eui,
      serial,
      signer: { key: dsp.key, issuerName: issuerNameOf(dsp.certificate), serial },
    },
  }
}

/** The key in a file, when it belongs to the certificate. */
function keyOf(bytes: Buffer | undefined, pem: string): KeyObject | undefined {
  if (bytes === undefined) return undefined
  try {
    const isPem = bytes.includes('-----BEGIN')
    const key = createPrivateKey(isPem ? bytes : { key: bytes, format: 'der', type: 'pkcs8' })
    return new X509Certificate(pem).checkPrivateKey(key) ? key : undefined
  } catch {
    return undefined
  }
}
