import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import {
  chmodSync,
  constants,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { createMemoryFlash, openFlashFile } from '../../../hardware/emulator/flash-file.ts'
import { takeLock } from '../../../host/runtime/lock-file.ts'
import { leaveOut } from '../../support/left-out.ts'
import { until } from '../../support/until.ts'

const geometry = { pageBytes: 2048, pages: 3 }
const size = 3 * 2048
const test = suite('flash-file')
let folder = ''
let path = ''

test.before.each(() => {
  folder = mkdtempSync(join(tmpdir(), 'smets1-flash-'))
  path = join(folder, 'meter.flash')
})
test.after.each(() => rmSync(folder, { recursive: true, force: true }))

test('a new file is blank, and for its owner alone', () => {
  const flash = openFlashFile(path, geometry, { takeLock })
  assert.is(statSync(path).mode & 0o777, 0o600)
  assert.is(statSync(`${path}.lock`).mode & 0o777, 0o600)
  assert.ok(flash.read(0, size).every((byte) => byte === 0xff))
  flash.close()
  assert.not(existsSync(`${path}.lock`))
  assert.is(readFileSync(path).length, size)
})

test('programs clear bits, erasing sets a page, and the file has it at once', () => {
  const word = fc.integer({ min: 0, max: size / 4 - 1 })
  const operation = fc.oneof(
    fc.record({ word, bytes: fc.uint8Array({ minLength: 4, maxLength: 64 }) }),
    fc.record({ page: fc.integer({ min: 0, max: 2 }) }),
  )
  fc.assert(
    fc.property(fc.array(operation, { maxLength: 40 }), (operations) => {
      rmSync(path, { force: true })
      const flash = openFlashFile(path, geometry)
      const cells = new Uint8Array(size).fill(0xff)
      for (const one of operations) {
        if ('page' in one) {
          flash.erase(one.page)
          cells.fill(0xff, one.page * 2048, one.page * 2048 + 2048)
          continue
        }
        const at = one.word * 4
        const room = Math.min(one.bytes.length, 2048 - (at % 2048)) & ~3
        const bytes = one.bytes.subarray(0, room)
        flash.program(at, bytes)
        for (const [i, byte] of bytes.entries()) cells[at + i]! &= byte
      }
      assert.equal(flash.read(0, size), cells)
      assert.equal(new Uint8Array(readFileSync(path)), cells)
      flash.close()
      const again = openFlashFile(path, geometry)
      assert.equal(again.read(0, size), cells)
      assert.equal(createMemoryFlash(geometry, again).read(0, size), cells)
      again.close()
    }),
    { seed: 3, numRuns: 40 },
  )
})

test('broken promises throw and change nothing', () => {
  const flash = openFlashFile(path, geometry)
  const four = new Uint8Array(4)
  const broken: [() => unknown, RegExp][] = [
    [() => flash.program(2, four), /whole words/],
    [() => flash.program(0, new Uint8Array(3)), /whole words/],
    [() => flash.program(2044, new Uint8Array(8)), /crosses a page/],
    [() => flash.program(size, four), /outside/],
    [() => flash.program(-4, four), /outside/],
    [() => flash.erase(3), /no page 3/],
    [() => flash.erase(0.5), /no page/],
    [() => flash.read(size - 2, 4), /outside/],
    [() => flash.read(-1, 4), /read/],
    [() => openFlashFile(path, { pageBytes: 1024, pages: 4 }), /at least 2,048/],
    [() => createMemoryFlash({ pageBytes: 2048, pages: 0 }), /whole pages/],
  ]
  for (const [act, message] of broken) assert.throws(act, message)
  assert.ok(readFileSync(path).every((byte) => byte === 0xff))
  const copy = flash.read(0, 4)
  copy.fill(0)
  assert.is(flash.read(0, 1)[0], 0xff)
  flash.sync()
  flash.close()
  flash.close()
  assert.throws(() => flash.program(0, four), /was closed/)
})

test('a file of another size, a folder, or a place that is not there is refused by name', () => {
  writeFileSync(path, new Uint8Array(100))
  assert.throws(
    () => openFlashFile(path, geometry),
    (error: Error) => error.message.includes(path) && /100 bytes.*6144/.test(error.message),
  )
  assert.is(readFileSync(path).length, 100)
  assert.not(existsSync(`${path}.lock`))
  mkdirSync(join(folder, 'd'))
  assert.throws(() => openFlashFile(join(folder, 'd'), geometry), /not a file/)
  assert.throws(
    () => openFlashFile(join(folder, 'none', 'x.flash'), geometry, { takeLock }),
    /cannot lock .*none.x\.flash/,
  )
  // Rights do not bind root.
  if (process.getuid?.() === 0) return
  writeFileSync(path, new Uint8Array(size))
  chmodSync(path, 0o400)
  assert.throws(() => openFlashFile(path, geometry), /cannot open the flash file/)
})

test('one meter at a time, by whatever name', () => {
  const flash = openFlashFile(path, geometry, { takeLock })
  const other = join(folder, 'other.flash')
  symlinkSync(path, other)
  const inUse = new RegExp(`in use by process ${process.pid}`)
  assert.throws(() => openFlashFile(path, geometry, { takeLock }), inUse)
  assert.throws(() => openFlashFile(other, geometry, { takeLock }), inUse)
  flash.close()
  openFlashFile(other, geometry, { takeLock }).close()
})

test('a process that was killed, and has not been reaped yet, holds no lock', async () => {
  if (!existsSync('/proc/self/stat')) return
  // A container's first process often waits for no children; neither does sleep.
  const parent = spawn('sh', ['-c', 'sleep 60 & echo $!; exec sleep 60'], { stdio: ['ignore', 'pipe', 'ignore'] })
  try {
    const [said] = await once(parent.stdout, 'data')
    const dead = Number(String(said))
    const stat = () => readFileSync(`/proc/${dead}/stat`, 'utf8')
    // The shell itself might wait for its child: it must be sleep first.
    await until(() => readFileSync(`/proc/${parent.pid}/comm`, 'utf8') === 'sleep\n', 'parent without a shell')
    process.kill(dead, 'SIGKILL')
    await until(() => stat().includes(') Z '), 'zombie')
    const start = stat().split(' ')[21]
    writeFileSync(`${path}.lock`, `${dead} ${start}\n`)
    openFlashFile(path, geometry, { takeLock }).close()
  } finally {
    parent.kill('SIGKILL')
  }
})

test('a lock is taken over from a process that is no more, and from no other', async () => {
  const gone = spawnSync(process.execPath, ['-e', '']).pid
  const living = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)'])
  try {
    writeFileSync(`${path}.lock`, `${living.pid}\n`)
    assert.throws(() => openFlashFile(path, geometry, { takeLock }), new RegExp(`in use by process ${living.pid}`))
    const stale = [`${gone} 12\n`, '', 'malformed', `${process.pid} 1\n`]
    // The number of a running process, but of one that began at another time.
    if (existsSync('/proc/self/stat')) stale.push(`${living.pid} 1\n`)
    for (const text of stale) {
      writeFileSync(`${path}.lock`, text)
      const flash = openFlashFile(path, geometry, { takeLock })
      assert.match(readFileSync(`${path}.lock`, 'utf8'), new RegExp(`^${process.pid} `))
      flash.close()
    }
  } finally {
    living.kill('SIGKILL')
    await once(living, 'exit')
  }
})

test('a killed process leaves every operation it had done', async () => {
  const script = `import { openFlashFile } from './dist/hardware/emulator/flash-file.js'
    const flash = openFlashFile(process.argv[1], { pageBytes: 2048, pages: 3 })
    for (let word = 0; word < 512; word++) flash.program(word * 4, new Uint8Array(4).fill(word))
    flash.erase(1)
    flash.program(4092, new Uint8Array(4))
    process.kill(process.pid, 'SIGKILL')`
  const child = spawn(process.execPath, ['--input-type=module', '-e', script, path], {
    stdio: 'inherit',
  })
  const [, signal] = await once(child, 'exit')
  assert.is(signal, 'SIGKILL')
  const flash = openFlashFile(path, geometry)
  for (let word = 0; word < 512; word++) assert.is(flash.read(word * 4, 1)[0], word & 255)
  assert.equal([...flash.read(4088, 8)], [255, 255, 255, 255, 0, 0, 0, 0])
  flash.close()
})

if (!existsSync('/proc/self/fdinfo')) leaveOut(test, 'durable writes', 'there is no /proc/self/fdinfo')
else {
  test('a durable flash has every operation on the disk before it returns, another does not', () => {
    for (const durable of [true, false]) {
      const flash = openFlashFile(path, geometry, { durable })
      const { ino } = statSync(path)
      const fd = readdirSync('/proc/self/fd').find(
        (one) => statSync(`/proc/self/fd/${one}`, { throwIfNoEntry: false })?.ino === ino,
      )
      const flags = /^flags:\s*(\d+)$/m.exec(readFileSync(`/proc/self/fdinfo/${fd}`, 'utf8'))![1]!
      assert.is((Number.parseInt(flags, 8) & constants.O_DSYNC) !== 0, durable)
      flash.program(0, new Uint8Array(4))
      flash.erase(1)
      assert.is(readFileSync(path)[3], 0)
      flash.close()
    }
  })
}

test.run()
