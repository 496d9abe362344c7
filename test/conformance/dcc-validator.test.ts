// Against the DCC's own signing tool, where there is a Java runtime. Its keys and certificates are read from it while
// the test runs.

import { createPrivateKey, X509Certificate } from 'node:crypto'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { formatResponseMessage, formatSmets1Response } from '../../host/duis/format.ts'
import { parseRequest } from '../../host/duis/parse.ts'
import { importProfilePayload } from '../../host/duis/payload.ts'
import { requestIdOf } from '../../host/duis/request.ts'
import { signDocument } from '../../host/duis/sign.ts'
import { verifySignature } from '../../host/duis/verify.ts'
import type { Signer } from '../../host/pki/signer.ts'
import { createTrustStore, decimalSerial, issuerNameOf } from '../../host/pki/trust.ts'
import { esmeEui, nowMs, parties, sampleRequest, unsignedTemplate } from '../support/bench/duis-parties.ts'
import { toolBytes, toolFile } from '../support/bench/duis-schema.ts'
import { javaTool } from '../support/bench/java-tool.ts'
import { hasJava, leaveOut } from '../support/left-out.ts'

if (!hasJava) leaveOut(test, 'the DCC’s signing tool and validator', 'no java is on PATH')

function toolSigner(name: string): Signer {
  const certificate = new X509Certificate(toolFile(`${name}.pem`))
  const key = createPrivateKey({ key: Buffer.from(toolBytes(`${name}.key`)), format: 'der', type: 'pkcs8' })
  return { key, issuerName: issuerNameOf(certificate), serial: decimalSerial(certificate) }
}

const supplierName = 'xml-sign-90B3D51F30010000-ds'
const dspName = 'dsp-xml-sign-90B3D51F30000002-ds'

if (hasJava) {
  test('what the tool signs, we accept', async () => {
    const { status, stdout, stderr } = await javaTool(
      'Sign',
      unsignedTemplate('ECS22b_4.8.1_SINGLE_SUCCESS_REQUEST_DUIS.XML'),
    )
    assert.is(status, 0, stderr)
    assert.match(stdout, '&#13;')
    const parsed = parseRequest(Buffer.from(stdout))
    assert.ok(parsed.ok)
    assert.is(parsed.request.requestId.counter, 1002n)
    const trust = createTrustStore([toolFile(`${supplierName}.pem`), toolFile(`${dspName}.pem`)])
    const signerEui = parsed.request.requestId.originator
    assert.equal(verifySignature(parsed.document, trust, { signerEui, nowMs }), { ok: true, signerEui })
    const changed = parseRequest(Buffer.from(stdout.replace('2014-12-31', '2014-12-30')))
    assert.ok(changed.ok)
    assert.not.ok(verifySignature(changed.document, trust, { signerEui, nowMs }).ok)
  })

  test('what we sign, the tool accepts', async () => {
    const dsp = toolSigner(dspName)
    const requestId = requestIdOf('90-B3-D5-1F-30-01-00-00', esmeEui, 1000n)
    const answer = { requestId, nowMs, schemaVersion: '5.1', serviceReferenceVariant: '4.8.1', dsp }
    const acknowledgement = formatResponseMessage({ ...answer, code: 'I99' }, '', answer.dsp)
    const s1sp = parties().s1sp.signer
    const response = formatSmets1Response(
      { ...answer, code: 'I0', s1sp },
      importProfilePayload([{ stampMs: nowMs, wh: 1 }]),
    )
    const request = signDocument(sampleRequest(), toolSigner(supplierName))
    const runs = await Promise.all([
      javaTool('Validate', acknowledgement),
      javaTool('Validate', acknowledgement.replace('I99', 'I0')),
      javaTool('Validate', request),
      javaTool('Validate', response),
    ])
    // The tool checks no signature of a message with two, but its schema.
    assert.equal(
      runs.map(({ status }) => status),
      [0, 10, 0, 0],
      runs.map(({ stderr }) => stderr).join('\n'),
    )
  })
}

test.run()
