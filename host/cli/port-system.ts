// What `smets1 doctor` reads of a machine: files of /dev, /sys and /proc, and the user. No other program is run.

import { readdirSync, readFileSync, readlinkSync, realpathSync, statSync } from 'node:fs'
import { userInfo } from 'node:os'

export interface PortSystem {
  /** Names in a folder; none when it cannot be read. */
  list(folder: string): string[]
  /** Text of a file; `undefined` when it cannot be read. */
  text(path: string): string | undefined
  /** The target of a symbolic link, as stored in it. */
  link(path: string): string | undefined
  /** The path without symbolic links; `undefined` for what is not there. */
  real(path: string): string | undefined
  stat(path: string): { isDevice: boolean; uid: number; gid: number; mode: number } | undefined
  user: { name: string; uid: number; groups: readonly number[] }
  node: string
  platform: string
  /** Loads the native serial port binding. @throws Error when it does not load */
  loadBinding(): Promise<unknown>
  /** Paths of the serial ports that the device manager (udev) lists; not there where none runs, as in a container. */
  listed?: readonly string[] | undefined
}

function attempt<T>(read: () => T): T | undefined {
  try {
    return read()
  } catch {
    return undefined
  }
}

/** Paths of all serial ports, from the device manager of this machine; undefined where none runs. */
export async function listedPorts(): Promise<string[] | undefined> {
  try {
    const { SerialPort } = await import('serialport')
    return (await SerialPort.list()).map(({ path }) => path)
  } catch {
    return undefined
  }
}

/** This machine. */
export function thisSystem(): PortSystem {
  return {
    list: (folder) => attempt(() => readdirSync(folder)) ?? [],
    text: (path) => attempt(() => readFileSync(path, 'utf8')),
    link: (path) => attempt(() => readlinkSync(path)),
    real: (path) => attempt(() => realpathSync(path)),
    stat: (path) =>
      attempt(() => {
        const stats = statSync(path)
        return { isDevice: stats.isCharacterDevice(), uid: stats.uid, gid: stats.gid, mode: stats.mode & 0o777 }
      }),
    user: {
      name: attempt(() => userInfo().username) ?? String(process.getuid?.() ?? ''),
      uid: process.geteuid?.() ?? 0,
      groups: [...(process.getgroups?.() ?? []), process.getegid?.() ?? 0],
    },
    node: process.versions.node,
    platform: process.platform,
    loadBinding: async () => (await import('serialport')).SerialPort.binding,
  }
}
