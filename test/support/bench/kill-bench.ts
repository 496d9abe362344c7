// A real bridge in a process of its own, under load, killed (SIGKILL) again and again at moments that a seed chooses; and
// what Users and the audit trail have afterwards.

import { createHash } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { startMeter } from '../../../emulation/cli/meter-process.ts'
import { fillBench } from '../../../emulation/cli/new-bench.ts'
import { createRandom, type Random } from '../../../emulation/random.ts'
import { provisionFlash } from '../../../hardware/cli/provision.ts'
import { dspKeys, withTrailNotes } from '../../../host/audit/open-notes.ts'
import { recordsOf } from '../../../host/audit/read-trail.ts'
import { type Verdict, verifyTrail } from '../../../host/audit/verify-trail.ts'
import { testDevice } from '../../../host/cli/test-registry.ts'
import { formatRequest } from '../../../host/duis/format.ts'
import { requestIdOf } from '../../../host/duis/request.ts'
import { signDocument } from '../../../host/duis/sign.ts'
import { loadIdentity } from '../../../host/pki/test-pki.ts'
import { createState, statePaths } from '../../../host/state/state-directory.ts'
import { dayMs } from '../../../protocol/half-hour.ts'
import { editJson, type Run, smets1 } from './cli.ts'

const inFlight = 8
const names = ['supplier', 'mdr'] as const

export interface Killed {
  kills: number
  /** Of these, kills before the bridge was ready. */
  startsKilled: number
  /** Requests acknowledged with I99, and sent without an acknowledgement coming back. */
  accepted: number
  unacknowledged: number
  /** Accepted requests without an answer in the end. */
  lost: string[]
  /** Requests with two different answers. */
  different: string[]
  /** Answers that came more than once, with the same bytes. */
  repeated: number
  /** Requests of which Users and the trail say different things. */
  unrecorded: string[]
  /** Half batches that were cut. */
  tailsCut: number
  verdict: Verdict
}

/** Receives responses as a User does: the SHA-256 of each, by RequestID. */
export async function startUser() {
  const taken = new Map<string, string[]>()
  /** RequestIDs whose responses it does not take now. */
  const refused = new Set<string>()
  const server = createServer((request, response) => {
    const parts: Buffer[] = []
    request.on('data', (part) => parts.push(part))
    request.on('end', () => {
      const body = Buffer.concat(parts)
      const id = (/RequestID>([^<]+)</.exec(body.toString())?.[1] ?? '').toUpperCase()
      if (refused.has(id)) {
        response.writeHead(503).end()
        return
      }
      taken.set(id, [...(taken.get(id) ?? []), createHash('sha256').update(body).digest('hex')])
      response.writeHead(204).end()
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  const end = () => {
    server.closeAllConnections()
    server.close()
  }
  return { taken, refused, callback: `http://127.0.0.1:${port}/`, end }
}

const pause = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms))

/** Requests of Users, sent until the bridge is gone, and what became of them. */
function createLoad(pki: string, asking: Random) {
  const identities = names.map((name) => loadIdentity(pki, name))
  const today = Math.floor(Date.now() / dayMs) * dayMs
  let counter = BigInt(Date.now())
  const accepted = new Set<string>()
  const sent = new Set<string>()

  async function ask(url: string): Promise<boolean> {
    counter += 1n
    const identity = identities[asking.below(identities.length)]!
    const requestId = requestIdOf(identity.eui, testDevice.eui, counter)
    const startMs = today - (1 + asking.below(3)) * dayMs
    const period = { startMs, endMs: startMs + dayMs }
    const body = signDocument(formatRequest({ requestId, serviceReferenceVariant: '4.8.1', period }), identity.signer)
    sent.add(requestId.text)
    try {
      const headers = { 'content-type': 'application/xml' }
      const response = await fetch(`${url}/api/v1/serviceS`, { method: 'POST', headers, body })
      const text = await response.text()
      const code = /ResponseCode>([^<]+)</.exec(text)?.[1]
      if (code !== 'I99') throw new Error(`a request got ${code}`)
      accepted.add(requestId.text)
      return true
    } catch (error) {
      if ((error as Error).message.startsWith('a request got')) throw error
      return false
    }
  }

  return {
    accepted,
    sent,
    async untilGone(url: string): Promise<void> {
      while (await ask(url));
    },
  }
}

type Load = ReturnType<typeof createLoad>

/** Starts a bridge and kills it, while it starts or under load. Returns whether it was ready. */
async function killOnce(start: () => Run, load: Load, random: Random): Promise<boolean> {
  const bridge = start()
  // One in five is killed while it starts and continues what an earlier one has left.
  if (random.below(5) === 0) {
    await pause(random.below(1200))
    bridge.child.kill('SIGKILL')
    await bridge.ended
    return false
  }
  await bridge.says('"ready":true')
  const { url } = JSON.parse(bridge.out().split('\n')[0]!)
  const work = Array.from({ length: inFlight }, () => load.untilGone(url))
  // After so many acknowledgements, and at any moment of the next.
  const enough = load.accepted.size + random.below(16)
  for (let waits = 0; load.accepted.size < enough && waits < 2000; waits++) await pause(5)
  await pause(random.below(60))
  bridge.child.kill('SIGKILL')
  await Promise.all([bridge.ended, ...work])
  return true
}

/** Accepted requests and the hashes of their responses, as the audit trail has them. */
async function readTrail(audit: string) {
  const recorded = new Map<string, { accepted: boolean; answers: string[] }>()
  let tailsCut = 0
  for await (const record of recordsOf(audit)) {
    if (record.event === 'tail cut') tailsCut += 1
    if (record.event !== 'accepted' && record.event !== 'answered') continue
    const known = recorded.get(record.requestId) ?? { accepted: false, answers: [] }
    recorded.set(record.requestId, known)
    if (record.event === 'accepted') known.accepted = true
    else known.answers.push(record.sha256)
  }
  return { recorded, tailsCut }
}

export async function killBridge(
  kills: number,
  seed: number,
  note: (text: string) => void = () => {},
): Promise<Killed> {
  const directory = mkdtempSync(join(tmpdir(), 'smets1-kills-'))
  const paths = statePaths(join(directory, 'state'))
  await createState(paths, (made) => fillBench(made, provisionFlash))
  const user = await startUser()
  editJson(paths.registry, (registry) => {
    for (const one of registry.users as { callback: string }[]) one.callback = user.callback
  })
  const quiet = { stdout: () => {}, stderr: () => {}, isTerminal: false, env: {} }
  const meter = await startMeter(paths.root, paths.flash, ['--days', '4'], quiet)
  const start = () => smets1(['bridge', '--state', paths.root, '--port', meter.url, '--http-port', '0', '--json'])
  // The requests depend on the machine's speed; the moments of the kills must not.
  const random = createRandom(seed)
  const load = createLoad(paths.pki, createRandom(seed + 1))
  const { accepted, sent } = load

  let startsKilled = 0
  for (let i = 0; i < kills; i++) {
    if (!(await killOnce(start, load, random))) startsKilled += 1
    if ((i + 1) % 20 === 0) note(`${i + 1} kills, ${accepted.size} accepted`)
  }
  const last = start()
  await last.says('"ready":true')
  const isTaken = (id: string) => user.taken.has(id)
  for (let i = 0; i < 600 && ![...accepted].every(isTaken); i++) await pause(50)
  // What was accepted and not acknowledged is answered too.
  await pause(1000)
  last.child.kill('SIGTERM')
  await last.ended
  await meter.stop()
  user.end()

  const { recorded, tailsCut } = await readTrail(paths.audit)
  const agrees = (id: string) => {
    const record = recorded.get(id)
    const hashes = user.taken.get(id)
    // A request that was acknowledged or answered is on record; one on record as accepted was answered, as recorded.
    if (!accepted.has(id) && hashes === undefined && record === undefined) return true
    return record?.accepted === true && hashes !== undefined && hashes.every((hash) => record.answers.includes(hash))
  }
  const verdict = await withTrailNotes(paths, (notes) => verifyTrail(paths.audit, { notes, keys: dspKeys(paths) }))
  rmSync(directory, { recursive: true, force: true })
  return {
    kills,
    startsKilled,
    accepted: accepted.size,
    unacknowledged: sent.size - accepted.size,
    lost: [...accepted].filter((id) => !isTaken(id)),
    different: [...user.taken].filter(([, hashes]) => new Set(hashes).size > 1).map(([id]) => id),
    repeated: [...user.taken.values()].filter((hashes) => hashes.length > 1).length,
    unrecorded: [...sent].filter((id) => !agrees(id)),
    tailsCut,
    verdict,
  }
}
