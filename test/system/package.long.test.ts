// The package as others get it: from the tarball, in a folder of its own, with the code of the documents.

import { spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { leaveOut } from '../support/left-out.ts'
import { repositoryText, root } from '../support/repository.ts'

const scratch = mkdtempSync(join(tmpdir(), 'smets1-package-'))
const project = join(scratch, 'project')
const { devDependencies } = JSON.parse(repositoryText('package.json'))
const tools = [`typescript@${devDependencies.typescript}`, `@types/node@${devDependencies['@types/node']}`]

/** Runs a program; stops the test with its output when it fails. */
function run(command: string, args: string[], folder: string): string {
  const { status, stdout, stderr } = spawnSync(command, args, { cwd: folder, encoding: 'utf8' })
  assert.is(status, 0, `${command} ${args.join(' ')}\n${stdout}${stderr}`)
  return stdout
}

/** The block of code of a document that is marked for this test. */
function blockOf(document: string, mark: string): string {
  const found = new RegExp(`^\`\`\`${mark}\\n([\\s\\S]*?)^\`\`\`$`, 'm').exec(repositoryText(`docs/how-to/${document}`))
  assert.ok(found?.[1], `${document} has a block ${mark}`)
  return found?.[1] ?? ''
}

function compilerOptions(types: string[], files: string[]): string {
  const strict = { strict: true, exactOptionalPropertyTypes: true, noUncheckedIndexedAccess: true, skipLibCheck: false }
  const how = { target: 'es2022', module: 'nodenext', noEmit: true, types }
  return JSON.stringify({ compilerOptions: { ...strict, ...how }, files })
}

/** A program that uses what the declarations of `smets1/testing` offer; it must compile without the types of Node. */
const testingConsumer = `import { type Bench, type BenchAnswer, CommandError, expectRefused, expectSettlementDay, startBench } from 'smets1/testing'

export async function total(file: string): Promise<number> {
  await using bench: Bench = await startBench({ at: '2026-03-29T12:00Z', load: file, config: { cachePolicy: 'utc-day' } })
  bench.meter.powerCut('15m')
  bench.line.noise({ loss: 0.01 })
  await bench.clock.advance('25h')
  const answer: BenchAnswer = await bench.read('4.8.1', { as: 'mdr', from: '2026-03-28', to: new Date() })
  const wh: number | undefined = answer.entries[0]?.wh
  const periods: (number | null)[] = expectSettlementDay(answer.entries, '2026-03-28', { others: true })
  expectRefused(await bench.read('4.8.2', { as: 'mdr' }), 'E5')
  const source: string | undefined = answer.entries[0]?.source
  // @ts-expect-error: a wrong setting is found by the compiler
  await startBench({ config: { cachePolice: 'utc-day' } })
  return source === 'meter' ? (wh ?? periods.length) : bench.received('mdr').length
}

export const isLate = (error: unknown): boolean => error instanceof CommandError && error.exitCode === 124
`

const bridgeConsumer = `import { type Bridge, openState, ProgramError, startBridge } from 'smets1'

const [directory = '.smets1'] = process.argv.slice(2)
const { env, config } = await openState(directory, { settings: { httpPort: 0, lineUrl: 'tcp://127.0.0.1:1' } }).catch((error) => {
  if (error instanceof ProgramError) process.exit(error.exitCode)
  throw error
})
const bridge: Bridge = await startBridge(env, config)
console.log(bridge.served?.url)
await bridge.stop()
`

const thePackage = suite('the package')

thePackage.after(() => rmSync(scratch, { recursive: true, force: true }))

thePackage('is made', () => {
  mkdirSync(project)
  run('npm', ['run', '-s', 'package', '--', '--pack-destination', scratch], root)
})

thePackage('holds compiled code and the declarations of its entry points, without paths of sources', () => {
  const tarball = readdirSync(scratch).find((name) => name.endsWith('.tgz')) ?? ''
  run('tar', ['-xzf', tarball], scratch)
  const files = readdirSync(join(scratch, 'package'), { recursive: true, encoding: 'utf8' })
  const { exports } = JSON.parse(readFileSync(join(scratch, 'package/package.json'), 'utf8'))
  for (const name of ['.', './testing']) {
    for (const path of Object.values<string>(exports[name])) assert.ok(files.includes(path.slice(2)), path)
  }
  assert.equal(
    files.filter((path) => path.endsWith('.ts') && !path.endsWith('.d.ts')),
    [],
  )
  for (const path of files.filter((one) => one.endsWith('.d.ts'))) {
    const text = readFileSync(join(scratch, 'package', path), 'utf8')
    assert.not.match(text, /from ['"][^'"]*(?<!\.d)\.ts['"]/, path)
  }
})

const options = ['--ignore-scripts', '--no-audit', '--no-fund', '--prefer-offline']

thePackage('is installed, and npm ci accepts the lock', () => {
  const tarball = readdirSync(scratch).find((name) => name.endsWith('.tgz')) ?? ''
  writeFileSync(join(project, 'package.json'), JSON.stringify({ name: 'project', private: true, type: 'module' }))
  run('npm', ['install', ...options, '--save-dev', `../${tarball}`, ...tools], project)
  run('npm', ['ci', ...options], project)
  run('npm', ['install', ...options, '--save-dev', 'vitest@4.1.12'], project)
})

thePackage('compiles in a strict project, smets1/testing without the types of Node', () => {
  writeFileSync(join(project, 'testing-consumer.ts'), testingConsumer)
  writeFileSync(join(project, 'bridge-consumer.ts'), bridgeConsumer)
  writeFileSync(join(project, 'settlement.test.ts'), blockOf('vitest.md', 'ts vitest'))
  writeFileSync(join(project, 'tsconfig.json'), compilerOptions(['node'], ['bridge-consumer.ts', 'settlement.test.ts']))
  run('npx', ['tsc', '-p', 'tsconfig.json', '--skipLibCheck'], project)
  writeFileSync(join(project, 'bridge.json'), compilerOptions(['node'], ['bridge-consumer.ts']))
  run('npx', ['tsc', '-p', 'bridge.json'], project)
  writeFileSync(join(project, 'plain.json'), compilerOptions([], ['testing-consumer.ts']))
  run('npx', ['tsc', '-p', 'plain.json'], project)
})

thePackage('the test of docs/how-to/vitest.md', () => {
  assert.match(run('npx', ['vitest', 'run'], project), /4 passed/)
})

thePackage('the test of docs/how-to/node-test.md', () => {
  writeFileSync(join(project, 'settlement.test.mjs'), blockOf('node-test.md', 'js node-test'))
  assert.match(run('node', ['--test', 'settlement.test.mjs'], project), /pass 2/)
})

thePackage('the command, and a bridge on the state that it makes', () => {
  run('npx', ['smets1', 'up', '--once', '--state', 'state', '--http-port', '0'], project)
  run('npx', ['tsc', '-p', 'bridge.json', '--noEmit', 'false', '--outDir', 'out'], project)
  assert.match(run('node', ['out/bridge-consumer.js', 'state'], project), /^http:\/\/127\.0\.0\.1:\d+\n$/)
  assert.is(spawnSync('node', ['out/bridge-consumer.js', 'nowhere'], { cwd: project }).status, 2)
})

const isOnline = spawnSync('npm', ['ping', '--fetch-timeout=5000', '--fetch-retries=0']).status === 0
if (isOnline) thePackage.run()
else {
  leaveOut(thePackage, 'the package in a project of its own', 'the npm registry cannot be reached')
  thePackage.run()
}
