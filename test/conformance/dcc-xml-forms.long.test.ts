// Requests that the DCC's own signing tool signs in other forms of XML than plain UTF-8.

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { parseRequest } from '../../host/duis/parse.ts'
import { verifySignature } from '../../host/duis/verify.ts'
import { createTrustStore } from '../../host/pki/trust.ts'
import { nowMs, unsignedTemplate } from '../support/bench/duis-parties.ts'
import { toolFile } from '../support/bench/duis-schema.ts'
import { javaTool } from '../support/bench/java-tool.ts'
import { hasJava, leaveOut } from '../support/left-out.ts'

if (!hasJava) leaveOut(test, 'requests that the DCC tool signs in other forms of XML', 'no java is on PATH')

const declared = (version: string, encoding: string) => `<?xml version="${version}" encoding="${encoding}"?>\n`

if (hasJava) {
  test('what the DCC tool signs in these forms, we accept', async () => {
    const template = unsignedTemplate('ECS22b_4.8.1_SINGLE_SUCCESS_REQUEST_DUIS.XML').replace(/^<\?xml[^>]*\?>\s*/, '')
    const texts = [
      Buffer.from(`\uFEFF${declared('1.0', 'UTF-16')}${template}`, 'utf16le'),
      Buffer.from(declared('1.0', 'ISO-8859-1') + template, 'latin1'),
      Buffer.from(declared('1.1', 'UTF-8') + template),
      Buffer.from(`<?before a?>${template.replace('<sr:Body>', '<?in?><sr:Body>')}<?after?>`),
      Buffer.from(template.replace('schemaVersion="', 'schemaVersion="+')),
    ]
    const trust = createTrustStore([toolFile('xml-sign-90B3D51F30010000-ds.pem')])
    const runs = await Promise.all(texts.map((text) => javaTool('Sign', text)))
    for (const [i, { status, bytes, stderr }] of runs.entries()) {
      assert.is(status, 0, `${i}: ${stderr}`)
      const parsed = parseRequest(bytes)
      assert.ok(parsed.ok, `${i}: ${parsed.ok || parsed.detail}`)
      if (!parsed.ok) continue
      const signerEui = parsed.request.requestId.originator
      assert.equal(verifySignature(parsed.document, trust, { signerEui, nowMs }), { ok: true, signerEui }, `${i}`)
    }
  })
}

test.run()
