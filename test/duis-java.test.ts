// Against the DCC's own signing tool, where there is a Java runtime. Its keys and certificates are read from it while
// the test runs.

import { execFile, spawnSync } from 'node:child_process'
import { createPrivateKey, X509Certificate } from 'node:crypto'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { formatAcknowledgement, formatProfileResponse } from '../host/duis/format.ts'
import { parseRequest } from '../host/duis/parse.ts'
import { requestIdOf } from '../host/duis/request.ts'
import { type Signer, signDocument } from '../host/duis/sign.ts'
import { createTrustStore, decimalSerial, issuerNameOf } from '../host/duis/trust.ts'
import { verifySignature } from '../host/duis/verify.ts'
import { esmeEui, nowMs, parties, sampleRequest, unsignedTemplate } from './support/duis-parties.ts'
import { toolBytes, toolFile, toolJar } from './support/duis-schema.ts'

const hasJava = spawnSync('java', ['-version']).status === 0
if (!hasJava) console.log('duis-java.test.ts: no java on PATH, the checks against the signing tool are left out')

const directory = mkdtempSync(join(tmpdir(), 'smets1-java-'))

type Run = { status: number; stdout: string; stderr: string }

/** Runs one of the tool's two programs on a message. Status 0: done; 10: invalid. */
function tool(program: 'Sign' | 'Validate', message: string, name: string): Promise<Run> {
  const file = join(directory, name)
  writeFileSync(file, message)
  const args = ['-cp', toolJar, `uk.co.smartdcc.boxed.xmldsig.${program}`, file]
  if (program === 'Sign') args.push('--preserveCounter')
  return new Promise((resolve) => {
    execFile('java', args, (error, stdout, stderr) => {
      resolve({ status: typeof error?.code === 'number' ? error.code : error ? -1 : 0, stdout, stderr })
    })
  })
}

function toolSigner(name: string): Signer {
  const certificate = new X509Certificate(toolFile(`${name}.pem`))
  const key = createPrivateKey({ key: Buffer.from(toolBytes(`${name}.key`)), format: 'der', type: 'pkcs8' })
  return { key, issuerName: issuerNameOf(certificate), serial: decimalSerial(certificate) }
}

const supplierName = 'xml-sign-90B3D51F30010000-ds'
const dspName = 'dsp-xml-sign-90B3D51F30000002-ds'

if (hasJava) {
  test('what the tool signs, we accept', async () => {
    const { status, stdout, stderr } = await tool(
      'Sign',
      unsignedTemplate('ECS22b_4.8.1_SINGLE_SUCCESS_REQUEST_DUIS.XML'),
      'sign.xml',
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
    const acknowledgement = await formatAcknowledgement({ ...answer, code: 'I99' })
    const s1sp = parties().s1sp.signer
    const response = await formatProfileResponse({ ...answer, code: 'I0', s1sp }, [{ stampMs: nowMs, wh: 1 }])
    const request = signDocument(sampleRequest(), toolSigner(supplierName))
    const runs = await Promise.all([
      tool('Validate', acknowledgement, 'acknowledgement.xml'),
      tool('Validate', acknowledgement.replace('I99', 'I0'), 'changed.xml'),
      tool('Validate', request, 'request.xml'),
      tool('Validate', response, 'response.xml'),
    ])
    // The tool checks no signature of a message with two, but its schema.
    assert.equal(
      runs.map(({ status }) => status),
      [0, 10, 0, 0],
      runs.map(({ stderr }) => stderr).join('\n'),
    )
  })
}

test.after(() => rmSync(directory, { recursive: true, force: true }))

test.run()
