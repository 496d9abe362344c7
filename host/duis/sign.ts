// Enveloped XML signatures as DUIS uses them.

import { signatureValue } from '../pki/public-key.ts'
import type { Signer } from '../pki/signer.ts'
import { signatureNamespace } from './names.ts'
import { digestOf, signatureText, signedInfoText } from './signature.ts'
import { readXml, responseLimits } from './xml.ts'

/**
 * Signs any XML text: returns it unchanged but for a ds:Signature as last child of the root. A prefix ds bound to
 * something else on the root is no obstacle.
 *
 * Throws Error when the text is not XML that we would accept, holds a signature of its own as child of the root, or
 * would read differently once signed; the caller has made that text.
 */
export function signDocument(unsignedXml: string, signer: Signer): string {
  const unsigned = read(unsignedXml)
  const { root, text: canonical } = unsigned
  if (root.children.some((child) => child.name === 'Signature' && child.namespace === signatureNamespace)) {
    throw new Error('the document holds a signature already')
  }
  const name = root.prefix ? `${root.prefix}:${root.name}` : root.name
  const closing = unsignedXml.lastIndexOf(`</${name}`)
  if (closing === -1) throw new Error(`the root <${name}/> is empty`)
  const declare = root.scope.get('ds') !== signatureNamespace
  const digest = digestOf(canonical)
  const signed = insert(unsignedXml, closing, signatureOf(digest, signer, declare))
  // A closing tag in a comment after the root, say, would have put the signature elsewhere.
  const { text, root: signedRoot } = read(signed)
  const last = signedRoot.children[signedRoot.children.length - 1]
  if (last === undefined || text.slice(0, last.start) + text.slice(last.end) !== canonical) {
    throw new Error('the document cannot be signed without changing it')
  }
  return signed
}

/**
 * Signs text that is its own inclusive canonical form and declares the prefix ds on its root, as `format.ts` writes
 * it, without parsing it. `canonical` is given where the two differ, that is, where the text embeds another signed
 * document that repeats its namespace declarations.
 */
export function signCanonical(text: string, signer: Signer, canonical: string = text): string {
  return insert(text, text.lastIndexOf('</'), signatureOf(digestOf(canonical), signer, false))
}

function signatureOf(digest: string, { key, issuerName, serial }: Signer, declare: boolean): string {
  const value = signatureValue(key, Buffer.from(signedInfoText(digest)))
  return signatureText({ digest, value: Buffer.from(value).toString('base64'), issuerName, serial }, declare)
}

function insert(text: string, at: number, part: string): string {
  return text.slice(0, at) + part + text.slice(at)
}

function read(text: string) {
  const xml = readXml(Buffer.from(text), responseLimits)
  if (!xml.ok) throw new Error(`not a document to sign: ${xml.detail}`)
  return xml.document
}
