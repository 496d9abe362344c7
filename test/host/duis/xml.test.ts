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

test('only UTF-8 text of XML 1.0 is XML to us', () => {
  const utf16 = Buffer.from('\uFEFF<?xml version="1.0" encoding="UTF-16"?><r/>', 'utf16le')
  assert.is(faultIn(utf16), 'malformed')
  assert.is(faultIn(Buffer.from('<!DOCTYPE r><r/>', 'utf16le')), 'malformed')
  assert.is(faultIn(Buffer.from('<r>é</r>', 'latin1')), 'malformed')
  assert.is(faultIn('\uFEFF<r/>'), 'none')
  assert.is(faultIn('<?xml version="1.0" encoding="utf-8"?><r/>'), 'none')
  for (const encoding of ['UTF-16', 'UTF-7', 'ISO-8859-1', 'EBCDIC-CP-US', 'x']) {
    assert.is(faultIn(`<?xml version="1.0" encoding="${encoding}"?><r/>`), 'malformed', encoding)
  }
  assert.is(faultIn('<?xml version="1.1"?><r/>'), 'malformed')
  assert.is(faultIn('<r>\0</r>'), 'malformed')
  assert.is(faultIn('<r>\u0001</r>'), 'malformed')
  assert.is(faultIn('<r>\uFFFE</r>'), 'malformed')
  assert.is(faultIn('<?x y?><r/>'), 'malformed')
  assert.is(faultIn('<r><?x y?></r>'), 'malformed')
  assert.is(faultIn('<r/><?x?>'), 'malformed')
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
