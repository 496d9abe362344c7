// The script of the GitHub Action, as a runner calls it; and what the container's files rest on.

import { spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { parse } from 'yaml'
import { repositoryText, root } from '../support/repository.ts'

const smets1 = `${process.execPath} ${join(root, 'dist/host/cli/main.js')}`

/** The process that holds a state directory, to be ended. */
function holderOf(state: string): number {
  return Number(readFileSync(join(state, 'owner.lock'), 'utf8').split(' ')[0])
}

test('the action starts a bench and says where it is; the health check finds it ready', async () => {
  const action = parse(repositoryText('.github/actions/bench/action.yml'))
  const [step] = action.runs.steps
  const folder = mkdtempSync(join(tmpdir(), 'smets1-action-'))
  const [state, output] = [join(folder, 'bench/state'), join(folder, 'output')]
  const outputs: { [name: string]: string } = {}
  try {
    writeFileSync(output, '')
    const bench = { SMETS1_METRICS_PORT: '0', SMETS1_HTTP_HOST: '127.0.0.1' }
    const inputs = { COMMAND: smets1, STATE: state, AT: '2026-10-26T06:00Z', ARGUMENTS: '--log json' }
    const env = { ...process.env, ...bench, ...inputs, GITHUB_OUTPUT: output }
    const { status, stdout, stderr } = spawnSync('bash', ['-c', step.run], { env, encoding: 'utf8', timeout: 60_000 })
    assert.is(status, 0, `${stdout}${stderr}`)
    for (const line of readFileSync(output, 'utf8').trim().split('\n')) {
      const [name = '', ...value] = line.split('=')
      outputs[name] = value.join('=')
    }
    assert.equal(Object.keys(outputs).sort(), Object.keys(action.outputs).sort())
    const token = readFileSync(join(state, 'control/read.token'), 'utf8').trim()
    const answer = await fetch(`${outputs['control-url']}/clock`, { headers: { authorization: `Bearer ${token}` } })
    assert.match(JSON.stringify(await answer.json()), /2026-10-26T06:00/)
    // The health check of the container, with the port that this bench has.
    const [, check = ''] = /CMD (\[.*\])/.exec(repositoryText('hardware/container/Dockerfile')) ?? []
    const log = readFileSync(`${state}.log`, 'utf8')
    const { metricsUrl } = JSON.parse(log.split('\n').find((line) => line.includes('"ready":true')) ?? '{}')
    const script = String(JSON.parse(check).at(-1)).replace('http://127.0.0.1:9109', metricsUrl)
    assert.is(spawnSync(process.execPath, ['-e', script]).status, 0, script)
  } finally {
    if (existsSync(join(state, 'owner.lock'))) process.kill(holderOf(state), 'SIGTERM')
    for (let i = 0; i < 100 && existsSync(join(state, 'owner.lock')); i++)
      await new Promise((resolve) => setTimeout(resolve, 100))
    rmSync(folder, { recursive: true, force: true })
  }
})

test('a command that does not start ends the action with its output', () => {
  const action = parse(repositoryText('.github/actions/bench/action.yml'))
  const folder = mkdtempSync(join(tmpdir(), 'smets1-action-'))
  const inputs = {
    COMMAND: smets1,
    STATE: join(folder, 'state'),
    AT: 'yesterday',
    ARGUMENTS: '',
    GITHUB_OUTPUT: '/dev/null',
  }
  const { status, stdout } = spawnSync('bash', ['-c', action.runs.steps[0].run], {
    env: { ...process.env, ...inputs },
    encoding: 'utf8',
    timeout: 60_000,
  })
  rmSync(folder, { recursive: true, force: true })
  assert.is(status, 1)
  assert.match(stdout, /--at/)
})

test('the compose file mounts a volume, checks health, and gives the serial group', () => {
  const { services, volumes } = parse(repositoryText('hardware/container/compose.yaml'))
  assert.equal(Object.keys(volumes), ['state', 'serial-state'])
  assert.equal(services.bench.volumes, ['state:/state'])
  assert.is(services.bridge.group_add.length, 1)
  for (const { build } of Object.values<{ build: { dockerfile: string } }>(services)) {
    assert.ok(existsSync(join(root, build.dockerfile)))
  }
})

test.run()
