// The globals of a simulated Espruino: what the installation and the script call, over a simulated flash.

import { type Context, runInContext } from 'node:vm'
import { crc32 } from 'node:zlib'
import { createSpiChip } from './spi-flash-simulator.ts'
import type { StorageSim } from './storage-simulator.ts'

const bytesOf = (data: string | Uint8Array) => (typeof data === 'string' ? Buffer.from(data, 'latin1') : data)

/** A UART: what the script writes leaves the board, and nobody is at the other end. */
function serial() {
  const takers: ((data: string) => void)[] = []
  return {
    setup: () => {},
    write: () => {},
    on: (_event: string, taker: (data: string) => void) => takers.push(taker),
    emit: (_event: string, data: string) => {
      for (const taker of takers) taker(data)
    },
  }
}

/** What of `E` restarts the board, or keeps it from that. */
export interface SimulatedWatchdog {
  enableWatchdog(seconds: number, isAutomatic: boolean): void
  kickWatchdog(): void
  reboot(): void
}

/** @param realm has the `Uint8Array` with which the SPI port answers */
export function createGlobals(
  options: { board: string; version: string; variables: number; spi?: { port: string; cells: Uint8Array } },
  { storage, flash }: StorageSim,
  realm: Context,
  watchdog: SimulatedWatchdog,
): { [name: string]: unknown } {
  const { board, version, variables, spi } = options
  const modules: { [name: string]: object } = { Storage: storage, Flash: flash }
  const ports: { [name: string]: object } = { Serial1: serial(), Serial2: serial(), Serial3: serial() }
  if (spi !== undefined) {
    const chip = createSpiChip(spi.cells)
    const bytes = runInContext('Uint8Array', realm) as typeof Uint8Array
    ports[spi.port] = { setup: () => {}, send: (data: unknown[]) => new bytes(chip.send(data)) }
  }
  return {
    ...ports,
    global: realm,
    process: {
      env: { VERSION: version, BOARD: board },
      memory: () => ({ free: variables - 50, total: variables, blocksize: 13 }),
    },
    E: {
      CRC32: (data: string | Uint8Array) => crc32(bytesOf(data)),
      getConsole: () => 'USB',
      setConsole: () => {},
      ...watchdog,
      toArrayBuffer: (text: string) => Uint8Array.from(text, (one) => one.charCodeAt(0)).buffer,
    },
    require: (name: string) => {
      const module = modules[name]
      if (module === undefined) throw new Error(`Module ${name} not found`)
      return module
    },
    atob: (text: string) => Buffer.from(text, 'base64').toString('latin1'),
    btoa: (data: string | Uint8Array) => Buffer.from(bytesOf(data)).toString('base64'),
    setWatch: () => {},
    pinMode: () => {},
    setDeepSleep: () => {},
  }
}
