import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { DOMParser } from '@xmldom/xmldom'
import {
  diag,
  type XmlElement as LibElement,
  XmlElement as LibElementClass,
  XmlC14NMode,
  XmlDocument,
} from 'libxml2-wasm'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { ExclusiveCanonicalization } from 'xml-crypto'
import { readXml, requestLimits, responseLimits } from '../../../host/duis/xml.ts'
import { exclusiveText, type XmlElement } from '../../../host/duis/xml-tree.ts'
import { faultOf, sampleRequest, signedRequest } from '../../support/bench/duis-parties.ts'
import { root } from '../../support/repository.ts'

function read(text: string, limits = requestLimits) {
  return readXml(Buffer.from(text), limits)
}

function document(text: string) {
  const xml = read(text, responseLimits)
  if (!xml.ok) throw new Error(`${xml.fault}: ${xml.detail}`)
  return xml.document
}

function faultIn(text: string | Uint8Array): string {
  const xml = typeof text === 'string' ? read(text) : readXml(text, requestLimits)
  return xml.ok ? 'none' : xml.fault
}

function elements(element: XmlElement): XmlElement[] {
  return [element, ...element.children.flatMap(elements)]
}

function libElements(element: LibElement): LibElement[] {
  const found = [element]
  for (let child = element.firstChild; child !== null; child = child.next) {
    if (child instanceof LibElementClass) found.push(...libElements(child))
  }
  return found
}

// Every way in which the two canonical forms and the escapes differ, in one document.
const difficult = `<?xml version="1.0"?>
<!-- outside --><r xmlns="u:default" xmlns:z="u:z" xmlns:a="u:a" z:b="2" a:c='1 > 0' d="&lt;&amp;&quot;'&#9;&#10;&#13;">
 text &amp; <![CDATA[<more> ]] &]]> &#13;<!-- inside --> é 𝄞 &gt;
 <a:x xmlns:a="u:other" xml:lang="en" xmlns:unused="u:unused"><y xmlns="" k="v"><z:w/><v xmlns="u:again"/></y></a:x>
 <y xmlns:z="u:z2" z:q=""><p><q a:r="s"/></p></y><empty/>
</r><!-- after -->`

test('the exclusive form of every element is what libxml2 makes of it', () => {
  const directory = pathToFileURL(join(root, 'node_modules/@smartdcc/duis-templates/templates/'))
  const names = readdirSync(directory).filter((_, i) => i % 12 === 0)
  const texts = [difficult, signedRequest(), ...names.map((name) => readFileSync(new URL(name, directory), 'utf8'))]
  let compared = 0
  for (const text of texts) {
    const ours = document(text)
    const lib = XmlDocument.fromString(text)
    try {
      assert.is(ours.text, lib.canonicalizeToString({ mode: XmlC14NMode.XML_C14N_1_0 }))
      const all = libElements(lib.root)
      for (const [i, element] of elements(ours.root).entries()) {
        // Each call walks the whole document; of the large ones a sample will do.
        if (all.length > 60 && i % 25 !== 0 && element.name !== 'SignedInfo') continue
        const expected = all[i]!.canonicalizeToString({ mode: XmlC14NMode.XML_C14N_EXCLUSIVE_1_0 })
        assert.is(exclusiveText(ours.text, element), expected)
        compared++
      }
    } finally {
      lib.dispose()
    }
  }
  assert.ok(compared > 500, `${compared}`)
})

test('the exclusive form of SignedInfo is what xml-crypto makes of it', () => {
  const text = signedRequest()
  const ours = document(text)
  const signedInfo = elements(ours.root).find((element) => element.name === 'SignedInfo')!
  const node = new DOMParser().parseFromString(text, 'text/xml').getElementsByTagName('ds:SignedInfo')[0]!
  const theirs = new ExclusiveCanonicalization().process(node as unknown as Element, {})
  assert.is(exclusiveText(ours.text, signedInfo), `${theirs}`)
})

test('fields come out unescaped, with namespaces resolved and comments gone', () => {
  const { root } = document(difficult)
  assert.is(root.namespace, 'u:default')
  assert.equal(
    root.attributes.map(({ namespace, name, value }) => [namespace, name, value]),
    [
      ['', 'd', '<&"\'\t\n\r'],
      ['u:a', 'c', '1 > 0'],
      ['u:z', 'b', '2'],
    ],
  )
  assert.match(root.text, '\n text & <more> ]] & \r é 𝄞 >\n')
  const [x, y] = root.children
  assert.is(x!.namespace, 'u:other')
  assert.is(x!.attributes[0]!.namespace, 'http://www.w3.org/XML/1998/namespace')
  assert.is(x!.children[0]!.namespace, '')
  assert.is(y!.attributes[0]!.namespace, 'u:z2')
})

test('declarations of types and entities never reach the parser', () => {
  const entity = '<!DOCTYPE r [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;">]><r>&b;</r>'
  const external = '<!DOCTYPE r [<!ENTITY a SYSTEM "file:///etc/passwd">]><r>&a;</r>'
  const parameter = '<!DOCTYPE r [<!ENTITY % p SYSTEM "http://127.0.0.1:9/x.dtd">%p;]><r/>'
  for (const text of [entity, external, parameter, '<!DOCTYPE r><r/>', '<!DOCTYPE r SYSTEM "r.dtd"><r/>']) {
    const xml = read(text)
    assert.not.ok(xml.ok)
    assert.is((xml as { detail: string }).detail, 'document type or entity declaration')
    assert.is(faultOf(`${text}${sampleRequest()}`), 'malformed')
  }
  assert.is(faultIn('<r>&undeclared;</r>'), 'malformed')
  assert.is(faultIn('<r xmlns:xi="http://www.w3.org/2001/XInclude"><xi:include href="/etc/passwd"/></r>'), 'none')
})

test('the prefix xml is not declared: canonicalisers disagree on whether that is written', () => {
  const uri = 'http://www.w3.org/XML/1998/namespace'
  for (const declaration of [`xmlns:xml="${uri}"`, `xmlns:xml\n= '${uri}'`]) {
    assert.is(faultIn(`<r><a ${declaration}></a></r>`), 'malformed')
  }
  assert.is(faultIn('<r xmlns:xmlb="u:x"><a xml:lang="en"></a></r>'), 'none')
})

test('text that is not in its encoding, and other encodings and versions, are no XML to us', () => {
  const encoded = (declaration: string, text: string, encoding: BufferEncoding) =>
    Buffer.from(`<?xml version="1.0"${declaration}?>${text}`, encoding)
  assert.is(faultIn(Buffer.from('<!DOCTYPE r><r/>', 'utf16le')), 'malformed')
  assert.is(faultIn(Buffer.from('\uFEFF<!DOCTYPE r><r/>', 'utf16le')), 'malformed')
  assert.is(faultIn(encoded(' encoding="ISO-8859-1"', '<!DOCTYPE r><r/>', 'latin1')), 'malformed')
  assert.is(faultIn(Buffer.from('<r>é</r>', 'latin1')), 'malformed')
  assert.is(faultIn(encoded(' encoding="windows-1252"', '<r>\x81</r>', 'latin1')), 'malformed')
  assert.is(faultIn('\uFEFF<r/>'), 'none')
  assert.is(faultIn('<?xml version="1.0" encoding="utf-8"?><r/>'), 'none')
  for (const encoding of ['UTF-16', 'UTF-7', 'UTF-32', 'EBCDIC-CP-US', 'x', 'iso-8859-15', 'unicode-1-1-utf-8']) {
    assert.is(faultIn(`<?xml version="1.0" encoding="${encoding}"?><r/>`), 'malformed', encoding)
  }
  for (const head of [
    '\uFEFF<?xml version="1.0" encoding="ISO-8859-1"?>',
    '\uFEFF<?xml version="1.0" encoding="UTF-16"?>',
  ]) {
    assert.is(faultIn(`${head}<r/>`), 'malformed', head)
  }
  const utf16 = Buffer.from('\uFEFF<?xml version="1.0" encoding="UTF-8"?><r/>', 'utf16le')
  assert.is(faultIn(utf16), 'malformed')
  assert.is(faultIn(utf16.subarray(0, utf16.length - 1)), 'malformed')
  assert.is(faultIn(Buffer.from('\uFEFF<r>\uD800</r>', 'utf16le')), 'malformed')
  assert.is(faultIn(Buffer.from([0xff, 0xfe, 0, 0, 0x3c, 0, 0, 0])), 'malformed')
  for (const declaration of [
    '<?xml version="1.2"?>',
    '<?xml version="2.0"?>',
    '<?xml encoding="UTF-8"?>',
    '<?xml version="1.0" standalone="maybe"?>',
    '<?xml version="1.0"?><?xml version="1.0"?>',
    '<?xml version="1.0" encoding="UTF-8" version="1.0"?>',
    '<?xml version="1.0\'?>',
    ' <?xml version="1.0"?>',
  ]) {
    assert.is(faultIn(`${declaration}<r/>`), 'malformed', declaration)
  }
  assert.is(faultIn('<r>\0</r>'), 'malformed')
  assert.is(faultIn('<r>\u0001</r>'), 'malformed')
  assert.is(faultIn('<?xml version="1.1"?><r>&#1;</r>'), 'malformed')
  assert.is(faultIn('<?xml version="1.1"?><r>\x80</r>'), 'malformed')
  assert.is(faultIn('<r>\uFFFE</r>'), 'malformed')
})

test('encodings, XML 1.1 and instructions: the text is what libxml2 makes of it in UTF-8', () => {
  const text = '<r a="é">é\u2028</r>'
  const read = (bytes: Uint8Array) => {
    const xml = readXml(bytes, requestLimits)
    return xml.ok ? xml.document.text : xml.detail
  }
  const utf16 = Buffer.from(`\uFEFF<?xml version="1.0" encoding="utf-16"?>${text}`, 'utf16le')
  assert.is(read(utf16), text)
  assert.is(read(Buffer.from(utf16).swap16()), text)
  assert.is(read(Buffer.from(`<?xml version='1.0' encoding='UTF-16LE'?>${text}`, 'utf16le')), text)
  const latin = '<r>é\x80</r>'
  assert.is(read(Buffer.from(`<?xml version="1.0" encoding="ISO-8859-1"?>${latin}`, 'latin1')), latin)
  assert.is(read(Buffer.from(`<?xml version="1.0" encoding="Windows-1252"?>${latin}`, 'latin1')), '<r>é€</r>')
  assert.is(read(Buffer.from('<?xml version="1.1"?><r>a\r\x85b\x85c\u2028d\r\ne</r>')), '<r>a\nb\nc\nd\ne</r>')
  const instructions = '<?a b?>\n<r><?c <r>?>x<?d?>y</r>\n<?e &?>'
  assert.is(read(Buffer.from(instructions)), instructions)
  assert.is(document(instructions).root.text, 'xy')
  assert.equal(document(instructions).root.children, [])
})

test('the limits hold in every encoding and with instructions', () => {
  const limits = { ...requestLimits, elementsMax: 10, attributesMax: 2, namespacesMax: 2 }
  const fault = (text: string, encoding: BufferEncoding = 'utf8') => {
    const xml = readXml(Buffer.from(text, encoding), limits)
    return xml.ok ? 'none' : xml.fault
  }
  assert.is(fault(`\uFEFF<r>${'<a/>'.repeat(11)}</r>`, 'utf16le'), 'tooComplex')
  assert.is(fault(`\uFEFF<r ${'xmlns:a="u:a" '.repeat(3)}/>`, 'utf16le'), 'tooComplex')
  assert.is(fault(`<r>${'<?a?>'.repeat(100)}</r>`), 'tooComplex')
  assert.is(fault(`\uFEFF${' '.repeat(40_000)}<r/>`, 'utf16le'), 'oversized')
})

test('what is not well-formed, also in its namespaces, is refused', () => {
  const broken =
    '<r>|<r></q>|<r/><r/>|<r a="1" a="2"/>|<a:r/>|<r xmlns:a="u:1" xmlns:b="u:1" a:x="" b:x=""/>|<r xmlns:a=""/>|' +
    '<a:b:r xmlns:a="u:"/>|<r a=b/>|<r a="<"/>|<r>&</r>|<r>]]></r>|<r><!-- -- --></r>|<r xmlns="relative"/>|text|<|'
  for (const text of broken.split('|')) assert.is(faultIn(text), 'malformed', text)
})

test('size, depth and number are limited, and the limit is found out quickly', () => {
  const fill = (unit: (i: number) => string, bytesMax = 65_000) => {
    let text = ''
    for (let i = 0; text.length < bytesMax; i++) text += unit(i)
    return text
  }
  const nested = (depth: number) => '<a>'.repeat(depth) + '</a>'.repeat(depth)
  const namespaces = fill((i) => ` xmlns:a${i}="u:${i}"`, 32_000)
  const cases: [string, string][] = [
    [`<r>${' '.repeat(65_536)}</r>`, 'oversized'],
    [`<r${fill((i) => ` a${i}=""`)}/>`, 'tooComplex'],
    [`<r${fill((i) => ` a${i}=''`, 6_000)}/>`, 'tooComplex'],
    [`<r${namespaces}/>`, 'tooComplex'],
    // Without the limit this one takes libxml2 four minutes.
    [`<r${namespaces}>${'<b/>'.repeat(8_000)}</r>`, 'tooComplex'],
    [`<r>${'<b/>'.repeat(5_000)}</r>`, 'tooComplex'],
    [nested(32), 'none'],
    [nested(33), 'tooComplex'],
    [nested(255), 'tooComplex'],
    [nested(300), 'malformed'],
    [nested(5_000), 'tooComplex'],
    [`<r>${'<!--x-->'.repeat(8_000)}</r>`, 'none'],
    [`<r>${'&#13;'.repeat(13_000)}</r>`, 'none'],
    [`<r${fill((i) => ` xmlns:a${i}="u:${i}"`, 500)}>${'<b/>'.repeat(4_000)}</r>`, 'none'],
  ]
  for (const [text, fault] of cases) {
    const started = process.cpuUsage()
    assert.is(faultIn(text), fault, text.slice(0, 60))
    const { user, system } = process.cpuUsage(started)
    assert.ok(user + system < 1_000_000, `${(user + system) / 1_000} ms for ${text.slice(0, 60)}`)
  }
})

test('no document stays behind in the memory of libxml2', () => {
  diag.configure({ enabled: true })
  try {
    const texts = [signedRequest(), '<r>', '<r xmlns="relative"/>', '<r><?x?></r>', '', '<r/><r/>']
    for (let i = 0; i < 200; i++) faultOf(texts[i % texts.length]!)
    assert.equal(diag.report(), {})
  } finally {
    diag.configure({ enabled: false })
  }
})

test.run()
