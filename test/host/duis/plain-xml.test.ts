// What is read without libxml2 must be what libxml2 makes of it, to the byte; and libxml2 must accept it.

import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import fc from 'fast-check'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { createRandom } from '../../../emulation/random.ts'
import { instanceNamespace, responseNamespace, serviceNamespace, signatureNamespace } from '../../../host/duis/names.ts'
import { readPlainXml } from '../../../host/duis/plain-xml.ts'
import { canonicalText, requestLimits, responseLimits } from '../../../host/duis/xml.ts'
import { readCanonicalTree } from '../../../host/duis/xml-tree.ts'
import { changedBytes } from '../../support/attacks/xml-byte-attacks.ts'
import { signedRequest, unsignedTemplate, vector } from '../../support/bench/duis-parties.ts'
import { root } from '../../support/repository.ts'

const templateName = 'ECS22b_4.8.1_SINGLE_SUCCESS_REQUEST_DUIS.XML'

/** As Java's serialiser writes it: empty-element tags, lines of base64 ended with a carriage return and a line feed. */
const asJava = (text: string) =>
  text.replace(/<(ds:\w+)([^<>]*)><\/\1>/g, '<$1$2/>').replace(/([\w+/=]{20})(?=[\w+/=]*<\/ds:)/g, '$1&#13;\n')

/** Whether the text is plain. @throws when libxml2 does not accept it, or reads it otherwise */
function isPlain(source: string, limits = requestLimits): boolean {
  const plain = readPlainXml(source, limits)
  if (plain === undefined) return false
  let canonical: string
  try {
    canonical = canonicalText(source)
  } catch (error) {
    throw new Error(`libxml2 refuses it (${(error as Error).message}): ${source}`)
  }
  assert.is(plain.text, canonical, source)
  const tree = readCanonicalTree(canonical, limits)
  assert.ok(tree.ok, source)
  assert.equal(plain.root, tree.ok && tree.root, source)
  return true
}

test('what we write and what clients of DCC Boxed write is plain', () => {
  assert.ok(isPlain(signedRequest()))
  assert.ok(isPlain(unsignedTemplate(templateName)))
  assert.ok(isPlain(asJava(signedRequest())))
  for (const name of ['signed-4.8.1.xml', 'acknowledgement-4.8.1.xml']) {
    assert.ok(isPlain(vector(name).toString(), responseLimits), name)
  }
})

test('every template of the DCC, plain or not, is read as libxml2 reads it', () => {
  const directory = pathToFileURL(join(root, 'node_modules/@smartdcc/duis-templates/templates/'))
  let plain = 0
  for (const name of readdirSync(directory)) {
    const text = readFileSync(new URL(name, directory), 'utf8')
    isPlain(text, responseLimits)
    if (isPlain(text.replace(/<!--[\s\S]*?-->/g, ''), responseLimits)) plain += 1
  }
  assert.ok(plain > 100, `${plain} plain`)
})

test('30,000 mutations of signed messages: plain ones are what libxml2 makes of them', () => {
  const random = createRandom(41)
  const originals = [vector('signed-4.8.1.xml'), Buffer.from(asJava(unsignedTemplate(templateName)))]
  let plain = 0
  for (let i = 0; i < 30_000; i++) {
    if (isPlain(changedBytes(originals[i % 2]!, random).toString())) plain += 1
  }
  assert.ok(plain > 500, `${plain} plain`)
})

test('tags put together at random, right and wrong', () => {
  const mostly = (plain: string[], odd: string[]) =>
    fc.oneof({ weight: 20, arbitrary: fc.constantFrom(...plain) }, { weight: 1, arbitrary: fc.constantFrom(...odd) })
  const name = mostly(['sr:a', 'ds:b', 'ra:c', 'd'], ['x:e', 'xml:f', 'xmlns:g', 'sr:-h', '9', 'a:b:c', 'é'])
  const space = mostly(['', ' ', '  ', '\n', '\t'], ['\r\n', '\u00a0'])
  const value = mostly(['', 'u:x', 'v', ' w ', "'", signatureNamespace], ['>', '<', '&#13;', '\n'])
  const key = mostly(
    ['k', 'Id', 'sr:k', 'ds:k', 'a.b-c'],
    ['xml:lang', 'xmlns:xmlx', 'xmlns:sr', 'x:k', '-k', 'ra:k:k'],
  )
  const attribute = fc.tuple(space, key, value).map(([before, of, is]) => `${before || ' '}${of}="${is}"`)
  const declaration = fc
    .constantFrom(['xmlns', serviceNamespace], ['xmlns:si', instanceNamespace], ['xmlns:ds', signatureNamespace])
    .map(([of, is]) => ` ${of}="${is}"`)
  const given = fc.array(fc.oneof({ weight: 6, arbitrary: attribute }, { weight: 1, arbitrary: declaration }), {
    maxLength: 3,
  })
  const oddData = [' > ', ']]>', '<!--x-->', '<?x?>', 'é', '&#10;', '&amp;', '&#13', '\r', '\u0001']
  const data = mostly(['', 'text', '\n ', 'x&#13;\n', '=', '"'], oddData)
  const { element } = fc.letrec<{ element: string; content: string }>((tie) => ({
    content: fc.oneof(
      { maxDepth: 3, depthIdentifier: 'tags' },
      data,
      fc
        .array(fc.tuple(data, tie('element')), { maxLength: 2, depthIdentifier: 'tags' })
        .map((pairs) => pairs.flat().join('')),
    ),
    element: fc
      .tuple(name, given, space, fc.boolean(), tie('content'), data, space)
      .map(([tag, attributes, before, isEmpty, children, last, after]) => {
        const open = `<${tag}${attributes.join('')}${before}`
        if (isEmpty && children === '') return `${open}/>`
        return `${open}>${children}${last}</${tag}${after}>`
      }),
  }))
  const declared = `xmlns:sr="${serviceNamespace}" xmlns:ds="${signatureNamespace}" xmlns:ra="${responseNamespace}"`
  const start = mostly(['', '<?xml version="1.0"?>', '<?xml version="1.0" encoding="UTF-8"?>\n'], [' ', '\uFEFF', 'x'])
  const end = mostly(['', '\n'], ['<!---->', 'x', '<a/>'])
  let plain = 0
  fc.assert(
    fc.property(start, element, end, (before, content, after) => {
      if (isPlain(`${before}<sr:r ${declared}>${content}</sr:r>${after}`)) plain += 1
      isPlain(`${before}${content}${after}`)
    }),
    { seed: 42, numRuns: 20_000 },
  )
  assert.ok(plain > 5000, `${plain} plain`)
})

test('limits are those of the other way: beyond them nothing is plain', () => {
  const deep = (depth: number) => '<a>'.repeat(depth) + '</a>'.repeat(depth)
  assert.ok(isPlain(deep(requestLimits.depthMax)))
  assert.not.ok(isPlain(deep(requestLimits.depthMax + 1)))
  assert.ok(isPlain(`<r>${'<a/>'.repeat(requestLimits.elementsMax - 1)}</r>`))
  assert.not.ok(isPlain(`<r>${'<a/>'.repeat(requestLimits.elementsMax)}</r>`))
  const attributes = Array.from({ length: requestLimits.attributesMax }, (_, i) => ` a${i}="1"`).join('')
  assert.ok(isPlain(`<r${attributes}/>`))
  assert.not.ok(isPlain(`<r${attributes} b="1"/>`))
})

test('64 KiB of hostile tags take no longer than reading them', () => {
  const spaces = ' '.repeat(60_000)
  const hostile = [
    `<a${spaces}`,
    `<a${' k="1"'.repeat(10_000)}`,
    `<a${' k'.repeat(30_000)}>`,
    '<a '.repeat(20_000),
    `<a>${spaces}`,
    `<a k="${spaces}`,
    `<${'a'.repeat(60_000)}`,
    `<a>${'</a '.repeat(15_000)}`,
    `<a>${`</a${' '.repeat(100)}`.repeat(600)}`,
  ]
  for (const text of hostile) {
    const before = process.cpuUsage()
    assert.is(readPlainXml(text, requestLimits), undefined)
    // Quadratic time would be many seconds of processor time.
    const { user, system } = process.cpuUsage(before)
    assert.ok(user + system < 1_000_000, text.slice(0, 40))
  }
})

test.run()
