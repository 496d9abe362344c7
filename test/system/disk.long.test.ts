// A bridge whose disk is full, or whose state is deleted while it runs: nothing is acknowledged that is not kept, it says so
// once, it goes on when there is room, and it ends.

import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { fillBench } from '../../emulation/cli/new-bench.ts'
import { provisionFlash } from '../../hardware/cli/provision.ts'
import { testDevice } from '../../host/cli/test-registry.ts'
import { formatRequest } from '../../host/duis/format.ts'
import { requestIdOf } from '../../host/duis/request.ts'
import { signDocument } from '../../host/duis/sign.ts'
import { loadIdentity } from '../../host/pki/test-pki.ts'
import { createState, statePaths } from '../../host/state/state-directory.ts'
import { editJson, finished, type Run, smets1 } from '../support/bench/cli.ts'
import { startUser } from '../support/bench/kill-bench.ts'
import { leaveOut } from '../support/left-out.ts'
import { until } from '../support/until.ts'

const test = suite('disk')
const period = { startMs: Date.UTC(2026, 10, 20), endMs: Date.UTC(2026, 10, 21) }
const endsWithinMs = 10_000
const mount = mkdtempSync(join(tmpdir(), 'smets1-disk-'))

/** Mounts a small file system; false where this machine does not allow it. */
function mountSmall(): boolean {
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=32m', 'tmpfs', mount], { stdio: 'ignore' })
    return true
  } catch {
    return false
  }
}

const isMounted = mountSmall()
test.after(() => {
  if (isMounted) execFileSync('umount', ['-l', mount])
  rmSync(mount, { recursive: true, force: true })
})

/** A provisioned state directory, a User, and a bridge without a meter: each request is answered with a failure. */
async function bench(root: string) {
  const paths = statePaths(root)
  await createState(paths, (made) => fillBench(made, provisionFlash))
  const user = await startUser()
  editJson(paths.registry, (registry) => {
    for (const one of registry.users as { callback: string }[]) one.callback = user.callback
  })
  const { eui, signer } = loadIdentity(paths.pki, 'supplier')
  let counter = 1000
  const accepted: string[] = []

  async function start() {
    const ports = ['--http-port', '0', '--metrics-port', '0']
    const bridge = smets1(['bridge', '--state', root, '--port', 'tcp://127.0.0.1:1', ...ports, '--json'])
    await bridge.says('"ready":true')
    const { url, metricsUrl } = JSON.parse(bridge.out().split('\n')[0] ?? '') as { url: string; metricsUrl: string }

    /** The code of the acknowledgement, or the HTTP status. */
    async function ask(used = ++counter): Promise<string> {
      const requestId = requestIdOf(eui, testDevice.eui, BigInt(used))
      const body = signDocument(formatRequest({ requestId, serviceReferenceVariant: '4.8.1', period }), signer)
      const headers = { 'content-type': 'application/xml' }
      const response = await fetch(`${url}/api/v1/serviceS`, { method: 'POST', headers, body })
      const code = /ResponseCode>([^<]+)</.exec(await response.text())?.[1] ?? `HTTP ${response.status}`
      if (code === 'I99') accepted.push(requestId.text)
      return code
    }

    const readiness = async () => await (await fetch(`${metricsUrl.replace(/\/metrics$|\/$/, '')}/readyz`)).text()
    return { bridge, ask, readiness }
  }

  return { paths, user, accepted, start }
}

/** Ends a bridge with SIGTERM. Returns its exit code. @throws Error when it does not end */
async function end({ child, ended }: Run): Promise<number | null> {
  child.kill('SIGTERM')
  const late = new Promise<never>((_, reject) => setTimeout(reject, endsWithinMs, new Error('it does not end')).unref())
  return await Promise.race([ended, late])
}

/** Takes all the room that is left. */
function fillUp(path: string): void {
  for (const bytes of [65536, 4096, 512]) {
    try {
      for (;;) writeFileSync(path, Buffer.alloc(bytes), { flag: 'a' })
    } catch (error) {
      assert.is((error as NodeJS.ErrnoException).code, 'ENOSPC')
    }
  }
}

if (!isMounted) leaveOut(test, 'a full disk', 'this machine does not allow a tmpfs to be mounted')
else {
  test('full while it runs: 503 and not ready; with room again it goes on, and whatever had I99 is answered', async () => {
    const { user, accepted, start } = await bench(join(mount, 'state'))
    const { bridge, ask, readiness } = await start()
    assert.is(await ask(), 'I99')
    const junk = join(mount, 'junk')
    fillUp(junk)
    const codes = new Set<string>()
    let notReady = ''
    for (let i = 0; i < 40; i++) {
      const code = await ask()
      codes.add(code)
      if (code === 'HTTP 503') notReady += await readiness()
    }
    assert.ok(codes.has('HTTP 503'), [...codes].join())
    assert.equal(
      [...codes].filter((code) => code !== 'HTTP 503' && code !== 'I99'),
      [],
    )
    assert.match(notReady, /cannot be written.*no space/i, `${[...codes]}: ${notReady}`)
    rmSync(junk)
    let code = ''
    for (let tries = 0; tries < 100 && code !== 'I99'; tries++) {
      code = await ask()
      await new Promise((resolve) => setTimeout(resolve, 100))
    }
    assert.is(code, 'I99', 'accepts again')
    await until(() => accepted.every((id) => user.taken.has(id)), 'answer to everything that had I99')
    assert.not.match(await readiness(), /cannot be written/)
    assert.is(await end(bridge), 0)
    user.end()
    const [verified] = [await finished(['audit', '--verify', '--state', join(mount, 'state')])]
    assert.is(verified.code, 0, verified.out)
    rmSync(join(mount, 'state'), { recursive: true })
  })

  test('stopped while the disk is full: it ends, with one message; the next start accepts nothing twice', async () => {
    const { user, accepted, start } = await bench(join(mount, 'other'))
    const first = await start()
    assert.is(await first.ask(), 'I99')
    const junk = join(mount, 'junk')
    fillUp(junk)
    for (let i = 0; i < 30; i++) await first.ask()
    const code = await end(first.bridge)
    assert.ok(code === 0 || code === 1 || code === 2, `exit code ${code}`)
    rmSync(junk)
    const second = await start()
    for (let counter = 1001; counter < 1001 + accepted.length; counter++)
      assert.is.not(await second.ask(counter), 'I99', `${counter} was used`)
    await until(() => accepted.every((id) => user.taken.has(id)), 'answer to everything that had I99')
    assert.is(await end(second.bridge), 0)
    user.end()
    rmSync(join(mount, 'other'), { recursive: true })
  })
}

test('deleted while it runs: nothing more is acknowledged, not ready, and it ends', async () => {
  const root = join(mkdtempSync(join(tmpdir(), 'smets1-disk-')), 'state')
  const { user, start } = await bench(root)
  const { bridge, ask, readiness } = await start()
  assert.is(await ask(), 'I99')
  rmSync(root, { recursive: true })
  assert.is(await ask(), 'HTTP 503')
  assert.match(await readiness(), /deleted while the bridge runs/)
  const code = await end(bridge)
  assert.ok(code !== null, 'no signal')
  user.end()
  mkdirSync(root, { recursive: true })
  rmSync(join(root, '..'), { recursive: true, force: true })
})

test.run()
