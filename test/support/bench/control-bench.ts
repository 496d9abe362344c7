// A bridge without a meter and its control API, called from outside by plain HTTP.

import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { request } from 'node:http'
import { testParties } from '../../../emulation/bench-parties.ts'
import { createFaults } from '../../../emulation/faults.ts'
import { faultyEnv } from '../../../emulation/faulty-env.ts'
import { readConfig } from '../../../host/config/config.ts'
import type { Scope } from '../../../host/http/control/call.ts'
import { createTestPki } from '../../../host/pki/test-pki.ts'
import { type RunOptions, runBridge } from '../../../host/runtime/run-bridge.ts'
import { createState, statePaths } from '../../../host/state/state-directory.ts'
import { freshPath } from './cli.ts'

export interface Sent {
  scope?: Scope | undefined
  headers?: { [name: string]: string }
  body?: unknown
  /** Sent as it is, in place of JSON. */
  text?: string
}

export interface Answered {
  status: number
  headers: { [name: string]: unknown }
  text: string
  /** The body as JSON. */
  json(): { [name: string]: unknown }
}

/** Sends what `fetch` would not, such as another Host. */
export function send(url: string, method: string, headers: { [name: string]: string }, body = ''): Promise<Answered> {
  return new Promise((resolve, reject) => {
    const outgoing = request(url, { method, headers }, (response) => {
      const parts: Buffer[] = []
      response.on('data', (part: Buffer) => parts.push(part))
      response.on('end', () => {
        const text = Buffer.concat(parts).toString()
        resolve({ status: response.statusCode ?? 0, headers: response.headers, text, json: () => JSON.parse(text) })
      })
    })
    outgoing.on('error', reject)
    outgoing.end(body)
  })
}

/** Its state directory has the parties of the tests. */
export async function startControlBench(parties: object = testParties(), options: RunOptions = {}) {
  const paths = statePaths(freshPath())
  await createState(paths, async (made) => {
    createTestPki(made.pki, { nowMs: Date.now() })
    mkdirSync(made.vault, { recursive: true })
    writeFileSync(made.registry, JSON.stringify(parties))
  })
  // Nothing answers there.
  const config = { ...readConfig('', {}, {}), httpPort: 0, consolePort: 0, lineUrl: 'tcp://127.0.0.1:9', explain: true }
  const running = await runBridge(paths, config, {
    renewBench: async () => {},
    disturb(env) {
      const rules = createFaults({ registry: env.parties.registry, nowMs: env.timing.nowMs, hasMeter: false })
      return { env: faultyEnv(env, { rules, lineUrl: config.lineUrl }), faults: rules }
    },
    ...options,
  })
  const url = running.consoleUrl ?? ''
  const token = (scope: Scope) => readFileSync(`${paths.control}/${scope}.token`, 'utf8').trim()
  return {
    paths,
    url,
    running,
    token,
    call(method: string, path: string, { scope, headers = {}, body, text }: Sent = {}): Promise<Answered> {
      const authorized = scope === undefined ? {} : { authorization: `Bearer ${token(scope)}` }
      const typed = body === undefined && text === undefined ? {} : { 'content-type': 'application/json' }
      const written = text ?? (body === undefined ? '' : JSON.stringify(body))
      return send(`${url}${path}`, method, { ...authorized, ...typed, ...headers }, written)
    },
    stop: running.stop,
  }
}
