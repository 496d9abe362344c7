// What is right and wrong with this machine and its serial ports, each with the fix. Only files are read.

import { basename, dirname } from 'node:path'
import type { PortSystem } from './port-system.ts'

export interface Finding {
  check: string
  state: 'ok' | 'warning' | 'wrong'
  text: string
  fix?: string
}

/** Oldest Node that this program runs on (package.json, "engines"). */
const nodeMin = [20, 19] as const

/** Folder of links by which an adapter is known wherever it is plugged in. */
const byId = '/dev/serial/by-id'

const wrong = (check: string, text: string, fix: string): Finding => ({ check, state: 'wrong', text, fix })
const warning = (check: string, text: string, fix: string): Finding => ({ check, state: 'warning', text, fix })
const ok = (check: string, text: string): Finding => ({ check, state: 'ok', text })

/** Node, and the native code that opens serial ports. */
export async function machineFindings(system: PortSystem): Promise<Finding[]> {
  const [major = 0, minor = 0] = system.node.split('.').map(Number)
  const isNew = major > nodeMin[0] || (major === nodeMin[0] && minor >= nodeMin[1])
  const node = isNew
    ? ok('node', `Node ${system.node}`)
    : wrong('node', `Node ${system.node} is too old`, `install Node ${nodeMin.join('.')} or later`)
  const binding = await system.loadBinding().then(
    () => ok('serial driver', 'the native serial port binding loads'),
    (error: Error) =>
      wrong(
        'serial driver',
        `the native serial port binding does not load: ${error.message.split('\n')[0]}`,
        'npm ci again on this machine (node_modules of another system or processor do not fit)',
      ),
  )
  return [node, binding]
}

/** What the kernel knows of a port's adapter; attributes are the USB device's, some folders up. */
interface Adapter {
  driver: string
  product: string
  serial: string
  vendorId: string
  productId: string
}

function adapterOf(system: PortSystem, name: string): Adapter | undefined {
  const device = system.real(`/sys/class/tty/${name}/device`)
  if (device === undefined) return undefined
  const driver = basename(system.link(`${device}/driver`) ?? '')
  let folder = device
  while (folder.startsWith('/sys/') && system.text(`${folder}/idVendor`) === undefined) folder = dirname(folder)
  const read = (attribute: string) => system.text(`${folder}/${attribute}`)?.trim() ?? ''
  const product = [read('manufacturer'), read('product')].filter((word) => word !== '').join(' ')
  return { driver, product, serial: read('serial'), vendorId: read('idVendor'), productId: read('idProduct') }
}

/** The link under by-id that leads to a port; `undefined` when there is none. */
function idOf(system: PortSystem, path: string): string | undefined {
  const real = system.real(path)
  return system.list(byId).find((name) => system.real(`${byId}/${name}`) === real)
}

/** Paths of the serial ports, adapters by their permanent names. */
export function serialPorts(system: PortSystem): string[] {
  const known =
    system.listed?.map((path) => path.replace('/dev/', '')) ??
    system.list('/sys/class/tty').filter((name) => system.real(`/sys/class/tty/${name}/device`) !== undefined)
  // The kernel creates ttyS0 to ttyS3 without hardware: their type is 0.
  const names = known.filter((name) => system.text(`/sys/class/tty/${name}/type`)?.trim() !== '0')
  return names.sort().map((name) => {
    const id = idOf(system, `/dev/${name}`)
    return id === undefined ? `/dev/${name}` : `${byId}/${id}`
  })
}

function identity(system: PortSystem, path: string, real: string): Finding {
  const name = basename(real)
  const adapter = adapterOf(system, name)
  const about = [adapter?.product, adapter?.driver && `driver ${adapter.driver}`].filter(Boolean).join(', ')
  const what = `${real}${about === '' ? '' : `: ${about}`}`
  const id = idOf(system, path)
  if (path.startsWith(`${byId}/`) || (id === undefined && adapter?.vendorId === '')) return ok('port', what)
  if (id !== undefined) {
    return warning('port', `${what}; its number may change when it is plugged in again`, `use ${byId}/${id}`)
  }
  if (adapter === undefined) return ok('port', `${what} (a pseudo-terminal, or of a driver without a description)`)
  return ok('port', `${what}; no permanent name in ${byId} (no udev here, as in a container)`)
}

/** Name of a group, and who is in it by /etc/group. */
function groupOf(system: PortSystem, gid: number): { name: string; members: string[] } {
  for (const line of (system.text('/etc/group') ?? '').split('\n')) {
    const [name = '', , number, members = ''] = line.split(':')
    if (Number(number) === gid && number !== '') return { name, members: members.split(',') }
  }
  return { name: String(gid), members: [] }
}

function ownerName(system: PortSystem, uid: number): string {
  const line = (system.text('/etc/passwd') ?? '').split('\n').find((one) => one.split(':')[2] === String(uid))
  return line?.split(':')[0] ?? String(uid)
}

function permission(system: PortSystem, real: string): Finding {
  const { uid, gid, mode } = system.stat(real)!
  const { user } = system
  const group = groupOf(system, gid)
  const text = `owner ${ownerName(system, uid)}, group ${group.name}, mode ${mode.toString(8).padStart(4, '0')}; you are ${user.name}`
  // As in the kernel: only the first class that applies counts.
  const mayDo = user.uid === 0 || (uid === user.uid ? mode >> 6 : user.groups.includes(gid) ? mode >> 3 : mode) % 8 >= 6
  if (mayDo) return ok('permission', text)
  if ((mode & 0o060) === 0o060 && gid !== 0) {
    const isMember = group.members.includes(user.name)
    const fix = isMember
      ? `you are in ${group.name} since you logged in: log out and in again`
      : `sudo usermod -aG ${group.name} ${user.name}, then log out and in again`
    return wrong('permission', text, fix)
  }
  const { vendorId = '', productId = '' } = adapterOf(system, basename(real)) ?? {}
  const match =
    vendorId === '' ? `KERNEL=="${basename(real)}"` : `ATTRS{idVendor}=="${vendorId}", ATTRS{idProduct}=="${productId}"`
  const rule = `SUBSYSTEM=="tty", ${match}, GROUP="dialout", MODE="0660"`
  const fix = `as root write this line to /etc/udev/rules.d/99-smets1.rules: ${rule} — then: udevadm control --reload; udevadm trigger; usermod -aG dialout ${user.name}; log in again`
  return wrong('permission', text, fix)
}

/** Processes that have the port open, as far as /proc shows them to us. */
function holders(system: PortSystem, real: string): { found: string[]; hidden: boolean } {
  const found: string[] = []
  let hidden = false
  for (const pid of system.list('/proc').filter((name) => /^\d+$/.test(name))) {
    const files = system.list(`/proc/${pid}/fd`)
    if (files.length === 0) hidden = true
    if (!files.some((file) => system.link(`/proc/${pid}/fd/${file}`) === real)) continue
    found.push(`${system.text(`/proc/${pid}/comm`)?.trim() ?? '?'} (process ${pid})`)
  }
  const lock = system
    .text(`/var/lock/LCK..${basename(real)}`)
    ?.trim()
    .split(/\s+/)[0]
  if (found.length === 0 && lock !== undefined && system.stat(`/proc/${lock}`) !== undefined) {
    found.push(`process ${lock} (by its lock file)`)
  }
  return { found, hidden }
}

function holding(system: PortSystem, real: string): Finding {
  const { found, hidden } = holders(system, real)
  if (found.length > 0) {
    const text = `open in ${found.join(', ')}`
    // What made a pseudo-terminal keeps it open.
    if (real.startsWith('/dev/pts/')) return warning('in use', text, 'fine if that is what made this pseudo-terminal')
    return wrong('in use', text, 'stop it first: two programs take each other’s bytes')
  }
  const rest = hidden && system.user.uid !== 0 ? ' (processes of others do not show theirs: sudo sees all)' : ''
  return ok('in use', `nobody has it open${rest}`)
}

/** Programs that are known to interfere with serial ports. */
function meddlers(system: PortSystem, real: string): Finding[] {
  const findings: Finding[] = []
  const name = basename(real)
  const active = `${system.text('/sys/class/tty/console/active') ?? ''} ${system.text('/proc/cmdline') ?? ''}`
  if (active.split(/[\s,=]+/).includes(name)) {
    const fix =
      'take console=… out of the kernel’s command line (Raspberry Pi: sudo raspi-config nonint do_serial_cons 1), restart'
    findings.push(wrong('console', `the kernel’s console is on ${name}: its output reaches the meter`, fix))
  }
  const isUsb = /^tty(USB|ACM)/.test(name)
  const pids = isUsb ? system.list('/proc').filter((pid) => /^\d+$/.test(pid)) : []
  if (pids.some((pid) => system.text(`/proc/${pid}/comm`)?.trim() === 'ModemManager')) {
    const fix = 'a udev rule with ENV{ID_MM_PORT_IGNORE}="1" for it (hardware/pi/99-smets1.rules has one)'
    findings.push(warning('modem manager', 'ModemManager runs: it probes every new USB serial port', fix))
  }
  return findings
}

/** A port, by its files. A socket has none. */
export function portFindings(system: PortSystem, path: string): Finding[] {
  const real = system.real(path)
  const stat = real === undefined ? undefined : system.stat(real)
  if (real === undefined || stat === undefined) {
    const seen = serialPorts(system)
    const fix = seen.length > 0 ? `the ports that there are: ${seen.join(', ')}` : 'plug it in; no serial port is seen'
    return [wrong('port', `${path} is not there`, fix)]
  }
  if (!stat.isDevice)
    return [wrong('port', `${path} is a file and no serial port`, 'name a device, as in /dev/ttyUSB0')]
  return [identity(system, path, real), permission(system, real), holding(system, real), ...meddlers(system, real)]
}

/** Every port that is there, when none was named. */
export function allPortFindings(system: PortSystem): Finding[] {
  const ports = serialPorts(system)
  if (ports.length === 0) {
    const fix =
      'plug an adapter in; a container or virtual machine must be given it (docker run --device /dev/serial/by-id/…)'
    return [warning('ports', 'no serial port is seen', fix)]
  }
  return ports.flatMap((path) => {
    const name = (finding: Finding) => ({ ...finding, check: `${finding.check} ${path}` })
    // A port that another program has open is reported only when it was named.
    const soften = (finding: Finding): Finding =>
      finding.state === 'wrong' ? { ...finding, state: 'warning' } : finding
    return portFindings(system, path).map((finding) => soften(name(finding)))
  })
}
