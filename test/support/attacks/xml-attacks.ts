// Attacks on a signed document, by name. All choices come from a seed.

import type { Random } from '../../../emulation/random.ts'
import { algorithms, signatureNamespace } from '../../../host/duis/names.ts'
import { type Attack, changedBytes, encodings, entities, gap, insert, inValue, pick } from './xml-byte-attacks.ts'

/** The parts of a signed message: what its root opens with, Header, Body and the last signature. */
function partsOf(text: string) {
  const open = /<(?:\w+:)?(?:Request|Response)\b[^>]*>/.exec(text)!
  const signatureAt = [...text.matchAll(/<ds:Signature[\s>]/g)].at(-1)!.index
  const signatureEnd = text.lastIndexOf('</ds:Signature>') + '</ds:Signature>'.length
  const header = /<((?:\w+:)?Header)[ >][\s\S]*?<\/\1>/.exec(text)!
  const bodyAt = header.index + header[0].length
  return {
    declaration: text.slice(0, open.index),
    open: open[0],
    header: header[0],
    body: text.slice(bodyAt, signatureAt),
    signature: text.slice(signatureAt, signatureEnd),
    close: text.slice(signatureEnd),
  }
}

/** The content that an attacker wants to be accepted. */
function evil(part: string): string {
  return part
    .replace(/(<(?:\w+:)?(?:StartDateTime|ScheduleStartDate|ra:Timestamp|ResponseDateTime)>)20/g, '$119')
    .replace(/:(\d+)(?=\s*<\/(?:\w+:)?RequestID)/, ':6666')
    .replace(/(MPxN>|PrimaryValue>)\d/, '$19')
}

/** Signature wrapping, after the catalogue of Somorovsky et al., "On Breaking SAML" (XSW 1 to 8), and relatives. */
const wrapping: Attack = (text, random) => {
  const { declaration, open, header, body, signature, close } = partsOf(text)
  const root = (...parts: string[]) => declaration + open + parts.join('') + close
  const inner = open + header + body + signature + close
  const unsigned = open + header + body + close
  const object = (content: string) =>
    signature.replace('</ds:Signature>', `<ds:Object>${content}</ds:Object></ds:Signature>`)
  const id = (part: string) => part.replace(/>/, ' Id="x">')
  const byId = signature.replace('URI=""', 'URI="#x"')
  const [otherHeader, otherBody] = [evil(header), evil(body)]
  return pick(
    [
      () => root(otherHeader, otherBody, inner),
      () => root(inner, otherHeader, otherBody),
      () => root(otherHeader, otherBody, signature, unsigned),
      () => root(otherHeader, otherBody, unsigned, signature),
      () => root(otherHeader, otherBody, object(unsigned)),
      () => root(otherHeader, otherBody, object(header + body)),
      () => root(otherHeader, header, body, signature),
      () => root(header, otherHeader, body, signature),
      () => root(header, otherBody, body, signature),
      () => root(header, body, otherBody, signature),
      () => root(header, body, signature, otherBody),
      () => root(header, otherBody, signature),
      () => root(otherHeader, body, signature),
      () => root(signature, header, body),
      () =>
        root(
          header.replace(/<\/[^>]*>$/, (end) => signature + end),
          otherBody,
        ),
      () => root(otherHeader, otherBody, `<x xmlns="u:x">${inner}</x>`, signature),
      () => `${declaration}<x xmlns="u:x">${inner}</x>`,
      () => root(inner),
      () => root(otherHeader, otherBody, id(header) + id(body), byId),
      () => root(id(otherHeader), id(header), body, byId),
      () => root(header, body, signature, signature),
      () => root(otherHeader, otherBody, signature, signature),
      () => declaration + inner.replace(signature, signature + inner),
    ],
    random,
  )()
}

/** Ids that are there twice, and references to them. */
const duplicateIds: Attack = (text, random) => {
  const name = pick(['Id', 'ID', 'id', 'xml:id'], random)
  let left = 2 + random.below(3)
  const tags = [...text.matchAll(/<(?:\w+:)?\w+(?=[ >])/g)].map((match) => match.index + match[0].length)
  const places = new Set<number>()
  while (left-- > 0) places.add(pick(tags, random))
  let changed = text
  for (const at of [...places].sort((a, b) => b - a)) changed = insert(changed, at, ` ${name}="x"`)
  const uri = pick(['', '#x', "#xpointer(id('x'))", '#xpointer(/)'], random)
  return random.below(3) === 0 ? changed : changed.replace('URI=""', `URI="${uri}"`)
}

/** Comments, CDATA, character references and processing instructions in values, where they may change what is read. */
const comments: Attack = (text, random) => {
  let changed = text
  for (let n = 1 + random.below(3); n > 0; n--) {
    const at = inValue(changed, random)
    const what = pick(
      [
        '<!---->',
        '<!-- x -->',
        '<!-- > -->',
        '<?x y?>',
        '<?xml-stylesheet href="x"?>',
        '<![CDATA[]]>',
        '<![CDATA[0]]>',
      ],
      random,
    )
    const kind = random.below(4)
    if (kind === 0 && /[\w.:-]/.test(changed[at] ?? '')) {
      const code = changed.charCodeAt(at)
      const reference = pick(
        [`&#${code};`, `&#x${code.toString(16)};`, `&#0${code};`, `<![CDATA[${changed[at]}]]>`],
        random,
      )
      changed = changed.slice(0, at) + reference + changed.slice(at + 1)
    } else if (kind === 1) changed = insert(changed, gap(changed, random), what)
    else changed = insert(changed, at, what)
  }
  return changed
}

/** Prefixes bound to another namespace, twice, or not at all. */
const namespaces: Attack = (text, random) => {
  const tags = [...text.matchAll(/<(?:\w+:)?\w+(?=[ >])/g)].map((match) => match.index + match[0].length)
  const uri = pick(
    [
      'u:x',
      '',
      signatureNamespace,
      'http://www.dccinterface.co.uk/ServiceUserGateway',
      'http://www.w3.org/XML/1998/namespace',
    ],
    random,
  )
  const prefix = pick(['sr', 'ds', 'ra', 'xml', 'xmlns', 'x'], random)
  const declaration = pick([` xmlns="${uri}"`, ` xmlns:${prefix}="${uri}"`], random)
  const from = pick(['sr:', 'ds:', 'ra:'], random)
  return pick(
    [
      () => insert(text, pick(tags, random), declaration),
      () => text.replaceAll(from, pick(['x:', '', 'sr:', 'ds:', 'xml:'], random)),
      () => insert(text, pick(tags, random), declaration).replace(from, `${prefix}:`),
      () => text.replace(/ xmlns:\w+="[^"]*"/, ''),
      () => insert(text, pick(tags, random), ` ${prefix}:schemaVersion="1.0"`),
    ],
    random,
  )()
}

/** A signature of another shape, or by other algorithms. */
const signatureShape: Attack = (text, random) => {
  const { signature } = partsOf(text)
  const uris = [
    ...Object.values(algorithms),
    'http://www.w3.org/2000/09/xmldsig#sha1',
    'http://www.w3.org/2000/09/xmldsig#hmac-sha1',
    'http://www.w3.org/2001/04/xmldsig-more#rsa-sha256',
    'http://www.w3.org/TR/2001/REC-xml-c14n-20010315',
    'http://www.w3.org/2001/10/xml-exc-c14n#WithComments',
    'http://www.w3.org/TR/1999/REC-xpath-19991116',
    'http://www.w3.org/TR/1999/REC-xslt-19991116',
    '',
  ]
  const element = pick(
    [
      'SignedInfo',
      'Reference',
      'Transforms',
      'Transform',
      'DigestMethod',
      'DigestValue',
      'SignatureValue',
      'KeyInfo',
      'X509Data',
      'X509IssuerSerial',
      'X509SerialNumber',
    ],
    random,
  )
  const whole = new RegExp(`<ds:${element}[ >/][\\s\\S]*?(?:</ds:${element}>|/>)`)
  const changed = pick(
    [
      () => signature.replace(pick(Object.values(algorithms), random), pick(uris, random)),
      () => signature.replace(whole, ''),
      () => signature.replace(whole, (found) => found + found),
      () => signature.replace(whole, (found) => found.replace(/>([^<]*)</, '><!--$1--><')),
      () => signature.replace(whole, (found) => found.replace(/>([^<]*)</, '>\n $1&#13;\n<')),
      () => signature.replace(/(<ds:DigestValue>)[^<]*/, '$1AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA='),
      () =>
        signature.replace(/(<ds:SignatureValue>)[^<]*/, `$1${Buffer.alloc(64, random.below(2)).toString('base64')}`),
      () => signature.replace(/(<ds:SignatureValue>)[^<]*/, `$1${Buffer.from(random.bytes(64)).toString('base64')}`),
      () => signature.replace(/(<ds:X509SerialNumber>)/, pick(['$10', '$1+', '$1-', '$1 '], random)),
      () => signature.replace('</ds:Signature>', '<ds:Object></ds:Object></ds:Signature>'),
      () => '',
    ],
    random,
  )()
  return text.replace(signature, () => changed)
}

/** Changes without a meaning: spaces, quotes, order, case. */
const spelling: Attack = (text, random) => {
  return pick(
    [
      () => insert(text, gap(text, random), pick([' ', '\n', '\t', '\r\n', '&#13;', '&#x20;', 'x'], random)),
      () => text.replaceAll('"', "'"),
      () => text.replace(/ (xmlns:\w+="[^"]*") (xmlns:\w+="[^"]*")/, ' $2  $1'),
      () => text.replace(/<\/(\w+:)?Body>/, '</$1Body >'),
      () => text.replace(/(\d\d)-(\d\d)-/, pick(['$1-$2- ', '$1\u2010$2-', '0$1-$2-', '$1-$2--'], random)),
      () => text.replace(/[A-F](?=[0-9A-F]?-)/, (c) => c.toLowerCase()),
      () => text.replace(/(:)(\d+<)/, pick(['$10$2', '$1+$2', '$1-$2', '$1 $2', '$118446744073709551616$2'], random)),
      () =>
        text.replace(
          /^<\?xml[^>]*\?>\s*/,
          pick(['', '<?xml version="1.1"?>', '<?xml version="1.0"?>', '<?XML version="1.0"?>', ' '], random),
        ),
      () => text + pick(['\n', ' ', '<!-- x -->', '<x/>', 'x', '\0', '<?x y?>', text], random),
      () => insert(text, gap(text, random), '<a>'.repeat(1 + random.below(200))),
      () => insert(text, gap(text, random), '<a/>'.repeat(1 + random.below(5_000))),
      () =>
        text.replace(
          /schemaVersion="/,
          pick(
            ['schemaversion="', 'schemaVersion="0', 'x:schemaVersion="', 'schemaVersion="5.4" schemaVersion="'],
            random,
          ),
        ),
    ],
    random,
  )()
}

/** Every attack by its name, as the table of the bench has them. */
export const attacks: { readonly [name: string]: Attack } = {
  'bytes changed': (text, random) => changedBytes(Buffer.from(text), random),
  'cut off': (text, random) => Buffer.from(text).subarray(0, random.below(Buffer.byteLength(text))),
  'entities, external ones too': entities,
  'other encodings': encodings,
  'ids, twice': duplicateIds,
  'comments, CDATA, references': comments,
  namespaces,
  'signature wrapping': wrapping,
  'signature of another shape': signatureShape,
  spelling,
}

/** One attack, and in one of eight cases changed bytes on top. */
export function attacked(text: string, random: Random): { attack: string; bytes: Uint8Array } {
  const attack = pick(Object.keys(attacks), random)
  const made = attacks[attack]!(text, random)
  const bytes = typeof made === 'string' ? Buffer.from(made) : made
  return { attack, bytes: random.below(8) === 0 && bytes.length > 0 ? changedBytes(bytes, random) : bytes }
}
