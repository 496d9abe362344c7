// smets1 doctor: machines made of text, and lines in virtual time.

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { createRandom } from '../../../emulation/random.ts'
import { createWorld } from '../../../emulation/world.ts'
import { lineFindings } from '../../../host/cli/line-findings.ts'
import {
  allPortFindings,
  type Finding,
  machineFindings,
  portFindings,
  serialPorts,
} from '../../../host/cli/port-findings.ts'
import type { PortSystem } from '../../../host/cli/port-system.ts'
import { createDco } from '../../../host/dco/sealer.ts'
import { type OpenPort, PortError } from '../../../host/wan/bindings.ts'
import { finished, freshPath } from '../../support/bench/cli.ts'

const [eui, key] = ['00-DB-12-34-56-78-90-A0', createRandom(5).bytes(32)]

/** A machine with an FTDI adapter, of which every file, link and device can be another. */
function machine(change: {
  files?: { [path: string]: string | undefined }
  links?: { [path: string]: string | undefined }
  stats?: { [path: string]: { isDevice: boolean; uid: number; gid: number; mode: number } }
  user?: Partial<PortSystem['user']>
  node?: string
  binding?: () => Promise<unknown>
}): PortSystem {
  const usb = '/sys/devices/usb1/1-1'
  const files: { [path: string]: string | undefined } = {
    '/etc/group': 'root:x:0:\ndialout:x:20:pi\n',
    '/etc/passwd': 'root:x:0:0\npi:x:1000:1000\n',
    [`${usb}/idVendor`]: '0403\n',
    [`${usb}/idProduct`]: '6001\n',
    [`${usb}/manufacturer`]: 'FTDI\n',
    [`${usb}/product`]: 'FT232R USB UART\n',
    [`${usb}/serial`]: 'A50285BI\n',
    '/sys/class/tty/ttyS0/type': '0\n',
    ...change.files,
  }
  const byId = '/dev/serial/by-id/usb-FTDI_FT232R_A50285BI-if00'
  const links: { [path: string]: string | undefined } = {
    '/sys/class/tty/ttyUSB0/device': `${usb}/ttyUSB0`,
    '/sys/class/tty/ttyS0/device': '/sys/devices/platform/serial8250',
    [`${usb}/ttyUSB0/driver`]: '../../bus/usb-serial/drivers/ftdi_sio',
    [byId]: '/dev/ttyUSB0',
    ...change.links,
  }
  const stats: { [path: string]: { isDevice: boolean; uid: number; gid: number; mode: number } } = {
    '/dev/ttyUSB0': { isDevice: true, uid: 0, gid: 20, mode: 0o660 },
    ...change.stats,
  }
  const paths = () => [...Object.keys(files), ...Object.keys(links), ...Object.keys(stats)]
  const isThere = (path: string) => files[path] !== undefined || links[path] !== undefined || stats[path] !== undefined
  const real = (path: string): string | undefined =>
    links[path] ?? (paths().some((one) => one.startsWith(`${path}/`)) || isThere(path) ? path : undefined)
  return {
    list: (folder) => [
      ...new Set(
        paths()
          .filter((path) => path.startsWith(`${folder}/`) && isThere(path))
          .map((path) => path.slice(folder.length + 1).split('/')[0]!),
      ),
    ],
    text: (path) => files[path],
    link: (path) => links[path],
    real,
    stat: (path) =>
      stats[path] ?? (real(path) === undefined ? undefined : { isDevice: false, uid: 0, gid: 0, mode: 0o644 }),
    user: { name: 'pi', uid: 1000, groups: [1000, 20], ...change.user },
    node: change.node ?? '20.19.0',
    platform: 'linux',
    loadBinding: change.binding ?? (async () => {}),
  }
}

const byName = (findings: Finding[], check: string) => findings.find((finding) => finding.check === check)!

test('a machine and a port that are as they should be', async () => {
  const system = machine({})
  assert.equal(
    (await machineFindings(system)).map(({ state }) => state),
    ['ok', 'ok'],
  )
  const path = '/dev/serial/by-id/usb-FTDI_FT232R_A50285BI-if00'
  assert.equal(serialPorts({ ...system, listed: ['/dev/ttyUSB9', '/dev/ttyS0'] }), ['/dev/ttyUSB9'])
  assert.equal(serialPorts(system), [path])
  const findings = portFindings(system, path)
  assert.ok(
    findings.every(({ state }) => state === 'ok'),
    JSON.stringify(findings),
  )
  assert.match(byName(findings, 'port').text, /ttyUSB0: FTDI FT232R USB UART, driver ftdi_sio/)
  assert.match(byName(findings, 'permission').text, /owner root, group dialout, mode 0660; you are pi/)
})

test('a number that may change is warned of, with the name that lasts', () => {
  const port = byName(portFindings(machine({}), '/dev/ttyUSB0'), 'port')
  assert.is(port.state, 'warning')
  assert.is(port.fix, 'use /dev/serial/by-id/usb-FTDI_FT232R_A50285BI-if00')
  const bare = machine({ links: { '/dev/serial/by-id/usb-FTDI_FT232R_A50285BI-if00': undefined } })
  assert.match(byName(portFindings(bare, '/dev/ttyUSB0'), 'port').text, /no permanent name/)
})

test('a port that may not be opened: the group to join, to log in again, or the rule to write', () => {
  const permission = (change: Parameters<typeof machine>[0]) =>
    byName(portFindings(machine(change), '/dev/ttyUSB0'), 'permission')
  const stranger = { name: 'ann', uid: 1001, groups: [1001] }
  assert.is(permission({ user: stranger }).fix, 'sudo usermod -aG dialout ann, then log out and in again')
  assert.match(permission({ user: { groups: [1000] } }).fix!, /you are in dialout since you logged in: log out/)
  const rootOnly = { '/dev/ttyUSB0': { isDevice: true, uid: 0, gid: 0, mode: 0o600 } }
  const rule = permission({ user: stranger, stats: rootOnly }).fix!
  assert.match(rule, /ATTRS\{idVendor\}=="0403", ATTRS\{idProduct\}=="6001", GROUP="dialout", MODE="0660"/)
  assert.is(permission({ user: { name: 'root', uid: 0 }, stats: rootOnly }).state, 'ok')
  // The owner's bits count for the owner, also when the others' would let it.
  assert.is(
    permission({ stats: { '/dev/ttyUSB0': { isDevice: true, uid: 1000, gid: 20, mode: 0o066 } } }).state,
    'wrong',
  )
})

test('the process that holds a port is named, by open files or by its lock', () => {
  const held = machine({
    files: { '/proc/77/comm': 'minicom\n' },
    links: { '/proc/77/fd/5': '/dev/ttyUSB0' },
  })
  assert.match(byName(portFindings(held, '/dev/ttyUSB0'), 'in use').text, /^open in minicom \(process 77\)$/)
  const locked = machine({
    files: { '/proc/78/comm': 'x', '/var/lock/LCK..ttyUSB0': '        78\n' },
  })
  assert.match(byName(portFindings(locked, '/dev/ttyUSB0'), 'in use').text, /process 78 \(by its lock file\)/)
  const pts = machine({
    files: { '/proc/77/comm': 'socat\n' },
    links: { '/proc/77/fd/5': '/dev/pts/3' },
    stats: { '/dev/pts/3': { isDevice: true, uid: 1000, gid: 5, mode: 0o620 } },
  })
  assert.is(byName(portFindings(pts, '/dev/pts/3'), 'in use').state, 'warning')
  const free = machine({ files: { '/proc/78/comm': 'x' } })
  assert.match(byName(portFindings(free, '/dev/ttyUSB0'), 'in use').text, /nobody has it open \(processes of others/)
})

test('the kernel’s console and ModemManager are named', () => {
  const findings = portFindings(
    machine({ files: { '/proc/cmdline': 'console=ttyUSB0,115200 root=/dev/mmc', '/proc/9/comm': 'ModemManager\n' } }),
    '/dev/ttyUSB0',
  )
  assert.is(byName(findings, 'console').state, 'wrong')
  assert.is(byName(findings, 'modem manager').state, 'warning')
})

test('what is not there, is no device, or cannot be loaded', async () => {
  assert.match(portFindings(machine({}), '/dev/ttyUSB7')[0]!.fix!, /the ports that there are: \/dev\/serial\/by-id/)
  assert.match(portFindings(machine({ files: { '/tmp/x': '' } }), '/tmp/x')[0]!.text, /is a file and no serial port/)
  const none = machine({ links: { '/sys/class/tty/ttyUSB0/device': undefined } })
  assert.is(allPortFindings(none)[0]!.text, 'no serial port is seen')
  const old = machine({ node: '18.20.1', binding: () => Promise.reject(new Error('wrong ELF class')) })
  assert.equal(
    (await machineFindings(old)).map(({ state }) => state),
    ['wrong', 'wrong'],
  )
  // Without a port named, what is wrong with one is no failure.
  assert.ok(allPortFindings(machine({ user: { groups: [] } })).every(({ state }) => state !== 'wrong'))
})

const endMs = Date.UTC(2026, 5, 1)

/** A meter on a line in virtual time, and how the doctor looks at it. */
function ward(change: { dcoKey?: Uint8Array; baud?: number; openPort?: OpenPort } = {}) {
  const world = createWorld({ seed: 3, days: 1, eui, key, endMs, whOf: () => 100 })
  const { clock, line, random } = world
  const test = {
    url: '/dev/ttyUSB0',
    baud: change.baud ?? 115200,
    eui,
    dco: createDco({ key: () => change.dcoKey ?? key }, random.bytes),
    frames: 50,
    ...{ setClock: false, confirmClock: false },
    openPort: change.openPort ?? line.openPort,
    timing: clock,
    randomBytes: random.bytes,
    progress: () => {},
  }
  const look = (more: Partial<typeof test> = {}) => clock.run(lineFindings({ ...test, ...more }))
  return { ...world, look }
}

test('a good line with its meter: everything is in order, and counted', async () => {
  const { look } = ward()
  const { findings, loss } = await look()
  assert.ok(
    findings.every(({ state }) => state === 'ok'),
    JSON.stringify(findings),
  )
  assert.equal(
    findings.map(({ check }) => check),
    ['meter', 'key', 'line', 'clock', 'firmware', 'self-test'],
  )
  assert.is(loss.length, 1)
  assert.equal([loss[0]!.sent, loss[0]!.lost, loss[0]!.damaged], [50, 0, 0])
  assert.ok(loss[0]!.roundTripMs!.min > 0)
})

test('a bad line is distinguished from a wrong key', async () => {
  const noisy = ward()
  noisy.line.faults.flip = 0.001
  const bad = await noisy.look()
  assert.is(byName(bad.findings, 'key').state, 'ok')
  assert.is(byName(bad.findings, 'line').state, 'wrong')
  assert.ok(bad.loss[0]!.lost > 0 && bad.loss[0]!.damaged > 0, JSON.stringify(bad.loss))

  const strange = await ward({ dcoKey: createRandom(6).bytes(32) }).look()
  assert.match(
    byName(strange.findings, 'key').text,
    /the line is good \(3 of 3 wakes\), the DCO’s key is not the meter’s/,
  )
  assert.is(byName(strange.findings, 'line'), undefined)
})

test('a clock that is off is seen, and set when asked; by more than a day ahead when that is confirmed', async () => {
  const { look, clock } = ward()
  // The meter's board follows this clock: it is the host's that goes another way.
  const behind = { ...clock, nowMs: () => clock.nowMs() - 90000 }
  const off = await look({ timing: behind })
  const aheadMs = Number(/^(\d+) ms ahead of/.exec(byName(off.findings, 'clock').text)?.[1])
  assert.ok(Math.abs(aheadMs - 90000) < 100, `${aheadMs}`)
  const set = await look({ timing: behind, setClock: true })
  assert.is(byName(set.findings, 'clock').state, 'ok')
  const days = { timing: { ...clock, nowMs: () => clock.nowMs() + 3 * 86400000 }, setClock: true }
  assert.match(byName((await look(days)).findings, 'clock').fix!, /--set-clock --confirm-clock/)
  assert.is(byName((await look({ ...days, confirmClock: true })).findings, 'clock').state, 'ok')
})

/** A port that gives back what is sent, losing or damaging some of it at high speeds. */
function plug(random: ReturnType<typeof createRandom>, after: (ms: number, call: () => void) => unknown): OpenPort {
  return async (_url, baud, events) => {
    if (baud === 460800) throw new PortError('/dev/ttyUSB0 does not do 460800 baud')
    return {
      write(bytes) {
        const spoilt = baud < 200000 ? bytes : bytes.map((byte) => (random.below(300) === 0 ? byte ^ 4 : byte))
        after((bytes.length * 10000) / baud, () => events.data(spoilt))
      },
      close: async () => events.closed(),
    }
  }
}

test('with a loopback plug: a table of every speed that the adapter does', async () => {
  const { look, clock } = ward()
  const { findings, loss } = await look({ openPort: plug(createRandom(8), clock.after) })
  assert.equal(
    loss.map(({ baud }) => baud),
    [9600, 19200, 38400, 57600, 115200, 230400, 921600],
  )
  for (const row of loss) {
    assert.is(row.sent, 50)
    if (row.baud < 200000) assert.is(row.lost, 0)
    else assert.ok(row.lost > 0 && row.damaged > 0, JSON.stringify(row))
  }
  assert.is(findings.filter(({ state }) => state === 'wrong').length, 2)
  // 56 bytes at 9,600 baud take 58 ms.
  assert.ok(Math.abs(loss[0]!.roundTripMs!.median - 58.3) < 1)
})

test('a meter at another speed, a prompt, and no answer', async () => {
  const { look, line } = ward()
  const atSpeed: OpenPort = (url, baud, events) => {
    if (baud === 9600) return line.openPort(url, baud, events)
    return line.openPort(url, baud, { ...events, data: () => {} }).then((port) => ({ ...port, write: () => {} }))
  }
  const other = await look({ openPort: atSpeed })
  assert.is(other.findings[0]!.fix, '--baud 9600')

  const prompt: OpenPort = async (_url, _baud, events) => ({
    write: () => void events.data(Buffer.from('\r\nUncaught SyntaxError: Got ID:x expected EOF\r\n>')),
    close: async () => events.closed(),
  })
  assert.match((await look({ openPort: prompt })).findings[0]!.text, /a prompt answers/)
  const nobody: OpenPort = async (_url, _baud, events) => ({ write: () => {}, close: async () => events.closed() })
  assert.match((await look({ openPort: nobody })).findings[0]!.text, /nothing comes back from 00-DB/)
  const closed: OpenPort = async () => {
    throw new PortError('/dev/ttyUSB0 is in use by another program: close it first')
  }
  assert.match((await look({ openPort: closed })).findings[0]!.text, /in use by another program/)
})

test('the command: no port at all, JSON, and a port that is not there', async () => {
  const all = await finished(['doctor', '--json', '--state', freshPath()])
  assert.is(all.code, 0, all.err)
  const { findings, loss } = JSON.parse(all.out)
  assert.equal(loss, [])
  assert.is(findings[0].check, 'node')
  const missing = await finished(['doctor', '--port', '/dev/ttyNOTHERE', '--state', freshPath()])
  assert.is(missing.code, 1)
  assert.match(missing.out, /wrong +port: \/dev\/ttyNOTHERE is not there\n +fix: /)
  assert.is((await finished(['doctor', '--port', 'tcp://127.0.0.1:1', '--baud', 'x'])).code, 2)
})

test.run()
