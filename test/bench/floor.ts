// What one request needs at least: one verification, and signatures of acknowledgement, S1SP and DSP. Started by bridge.ts with a
// directory of the test PKI; answers by one message.

import { createPublicKey, sign, verify } from 'node:crypto'
import { loadIdentity } from '../../host/pki/test-pki.ts'

export interface Floor {
  perSecond: number
  /** Processor time of one request, microseconds. */
  cpuMicros: number
}

const rounds = 3000

function measure(count: number): Floor {
  const { key } = loadIdentity(process.argv[2] ?? '', 'supplier').signer
  const message = Buffer.alloc(400)
  const publicKey = createPublicKey(key)
  const signature = sign('sha256', message, { key, dsaEncoding: 'ieee-p1363' })
  const startMs = performance.now()
  const cpu = process.cpuUsage()
  for (let i = 0; i < count; i++) {
    verify('sha256', message, { key: publicKey, dsaEncoding: 'ieee-p1363' }, signature)
    for (let signatures = 0; signatures < 3; signatures++) sign('sha256', message, { key, dsaEncoding: 'ieee-p1363' })
  }
  const used = process.cpuUsage(cpu)
  return { perSecond: count / ((performance.now() - startMs) / 1000), cpuMicros: (used.user + used.system) / count }
}

measure(rounds / 10)
process.send?.(measure(rounds))
process.disconnect?.()
