// Two other readers of signed XML: libxml2, called directly, and xml-crypto, which has a parser of its own.

import { type BinaryLike, createPrivateKey, createSign, createVerify, type KeyLike, type KeyObject } from 'node:crypto'
import { ParseOption, XmlC14NMode, XmlDocument } from 'libxml2-wasm'
import { SignedXml } from 'xml-crypto'
import { algorithms, signatureNamespace } from '../../../host/duis/names.ts'

class EcdsaSha256 {
  getSignature(text: BinaryLike, key: KeyLike): string {
    return createSign('sha256')
      .update(text)
      .sign({ key: createPrivateKey(key as string), dsaEncoding: 'ieee-p1363' }, 'base64')
  }
  verifySignature(text: string, key: KeyLike, value: string): boolean {
    const options = { key: key as string, dsaEncoding: 'ieee-p1363' as const }
    return createVerify('sha256').update(text).verify(options, value, 'base64')
  }
  getAlgorithmName(): string {
    return algorithms.signature
  }
}

/** An xml-crypto that signs and checks as DUIS has it: inclusive C14N of the document, ECDSA. */
export function duisSignedXml(options: object): SignedXml {
  const sig = new SignedXml({ implicitTransforms: ['http://www.w3.org/TR/2001/REC-xml-c14n-20010315'], ...options })
  sig.SignatureAlgorithms[algorithms.signature] = EcdsaSha256 as (typeof sig.SignatureAlgorithms)[string]
  return sig
}

/** Whether xml-crypto accepts the last signature in a text as that of the key. */
export function xmlCryptoAccepts(text: string, key: KeyObject): boolean {
  const at = [...text.matchAll(/<ds:Signature[\s>]/g)].at(-1)?.index ?? -1
  const end = text.indexOf('</ds:Signature>', at)
  if (at === -1 || end === -1) return false
  const signature = text.slice(at, end + '</ds:Signature>'.length)
  // xml-crypto takes the first text node of SignatureValue for the whole of it. Comments, processing instructions and CDATA
  // sections there do not change the value (XMLDSIG takes an element's text without them).
  const whole = signature.replace(
    /(<ds:SignatureValue[^>]*>)([\s\S]*?)(<\/ds:SignatureValue>)/,
    (_, open, value, close) => {
      return (
        open + value.replace(/<!--[\s\S]*?-->|<\?[\s\S]*?\?>/g, '').replace(/<!\[CDATA\[([\s\S]*?)\]\]>/g, '$1') + close
      )
    },
  )
  const declared = whole.includes('xmlns:ds=')
    ? whole
    : whole.replace('<ds:Signature', `<ds:Signature xmlns:ds="${signatureNamespace}"`)
  try {
    const sig = duisSignedXml({
      publicCert: key.export({ type: 'spki', format: 'pem' }),
      getCertFromKeyInfo: () => null,
    })
    sig.loadSignature(declared)
    return quietly(() => sig.checkSignature(text))
  } catch {
    return false
  }
}

/** xml-crypto's parser writes its errors to the console. */
function quietly<T>(work: () => T): T {
  const { error, warn } = console
  console.error = console.warn = () => {}
  try {
    return work()
  } finally {
    Object.assign(console, { error, warn })
  }
}

/** Whether libxml2 finds bytes well-formed. It reads nothing else than them. */
export function libxml2Parses(bytes: Uint8Array): boolean {
  return withDocument(bytes, () => true) ?? false
}

/**
 * The root's children but the signature, as libxml2 writes them canonically and as strings; undefined when it finds the
 * bytes not well-formed.
 */
export function libxml2Reads(bytes: Uint8Array): { canonical: string; strings: string[] } | undefined {
  return withDocument(bytes, (document) => {
    const strings = ['Header', 'Body'].map((name) => {
      const found = document.find(`/*/*[local-name()='${name}']`)
      return found.map((node) => ('content' in node ? (node.content as string) : '')).join('\u0000')
    })
    return { canonical: document.canonicalizeToString({ mode: XmlC14NMode.XML_C14N_1_0 }), strings }
  })
}

function withDocument<T>(bytes: Uint8Array, use: (document: XmlDocument) => T): T | undefined {
  let document: XmlDocument | undefined
  try {
    document = XmlDocument.fromBuffer(bytes, { option: ParseOption.XML_PARSE_NONET | ParseOption.XML_PARSE_NO_XXE })
    return use(document)
  } catch {
    return undefined
  } finally {
    document?.dispose()
  }
}
