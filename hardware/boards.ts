// Boards on which the meter runs under Espruino: one row each. Only `linux` (Espruino built for a PC) was run; the rows
// of chips are read from Espruino 2v29, the boards/*.py and targets/* of its source, and were not tried on a board.

import { flashPagesFull, pageBytes } from '../firmware/flash-map.ts'

export type BoardName = 'linux' | 'esp32' | 'rp2040' | 'nrf52840'

export interface EspruinoBoard {
  /** What it is, for people. */
  title: string
  line: {
    /** The UART of the line; never the console's. */
    device: 'Serial1' | 'Serial2' | 'Serial3'
    /** Bits a second. */
    baud: number
    /** Pins by name, or the path of a device (Linux only; relative to where the interpreter was started). */
    options: { tx?: string; rx?: string; path?: string }
  }
  /** The device the console is kept on. Left to itself, Espruino moves it to Serial1 when USB or Bluetooth goes away. */
  console: 'USB' | 'Serial1'
  /**
   * Inputs with a pulse for so many Wh (the meter's settings say how many): of active import, and as far as there are more
   * of active export, reactive import and reactive export. Or a steady load of active import for want of them.
   */
  pulses: { pins: readonly string[]; edge: 'rising' | 'falling'; debounceMs: number } | { perHour: number }
  flash: {
    /** Address of the meter's first page, at the start of an erase unit. */
    base: number
    /** Bytes that one erase sets. */
    eraseBytes: number
    /**
     * The Storage file around the meter's pages, when they lie inside Storage: it begins at `at` and reaches to their
     * end, is written first of all on blank Storage, and never again. It keeps Espruino's hands off the pages.
     */
    storageFile?: { name: string; at: number }
  }
}

/** Bytes of flash that the meter uses from `flash.base` on. */
export const meterFlashBytes = flashPagesFull * pageBytes

// Closes to ground through an opto-coupler, pulled up inside: the edge that falls begins a pulse.
const pulseInput = { edge: 'falling', debounceMs: 5 } as const

export const boards: { [name in BoardName]: EspruinoBoard } = {
  linux: {
    title: 'Espruino for Linux, line on a PTY',
    line: { device: 'Serial1', baud: 115200, options: { path: 'smets1-line' } },
    console: 'USB',
    // 500 W at 1,000 pulses per kWh.
    pulses: { perHour: 500 },
    // One Storage area of 256 KB at 10000000h, erased in units of 1 KB. With a blank first header, or junk there, the
    // interpreter erases all of it when it starts: hence the file.
    flash: { base: 0x10000400, eraseBytes: 1024, storageFile: { name: 'smets1-pages', at: 0x10000000 } },
  },
  esp32: {
    title: 'ESP32 (boards/ESP32.py)',
    // UART0 is Serial1, the console, on the USB socket of most boards. UART2 is Serial3, by default on these pins, which
    // modules with PSRAM (WROVER) do not have free.
    line: { device: 'Serial3', baud: 115200, options: { tx: 'D17', rx: 'D16' } },
    console: 'Serial1',
    pulses: { pins: ['D27', 'D26', 'D25', 'D33'], ...pulseInput },
    // Inside Storage, which is 896 KB: the partition "flash" outside it has only 64 KB.
    flash: { base: 0x321000, eraseBytes: 4096, storageFile: { name: 'smets1-pages', at: 0x320000 } },
  },
  rp2040: {
    title: 'Raspberry Pi Pico (boards/RP2040_PICO.py)',
    line: { device: 'Serial1', baud: 115200, options: { tx: 'D0', rx: 'D1' } },
    console: 'USB',
    pulses: { pins: ['D15', 'D14', 'D13', 'D12'], ...pulseInput },
    // Flash.write works nowhere but in Storage: the last 256 KB of the flash.
    flash: { base: 0x101c1000, eraseBytes: 4096, storageFile: { name: 'smets1-pages', at: 0x101c0000 } },
  },
  nrf52840: {
    title: 'nRF52840 Development Kit (boards/NRF52840DK.py)',
    // Serial1 is the console, on the kit's USB socket; these are the pins SDA and SCL of its Arduino header.
    line: { device: 'Serial2', baud: 115200, options: { tx: 'D27', rx: 'D26' } },
    console: 'Serial1',
    pulses: { pins: ['D3', 'D4', 'D28', 'D29'], ...pulseInput },
    // The last pages below Storage (EC000h), far behind the end of Espruino. Other boards with this chip have their
    // Storage elsewhere, and need a row of their own.
    flash: { base: 0xd0000, eraseBytes: 4096 },
  },
}

/**
 * Says why a row cannot work; `undefined` when it can.
 * A page of the meter is 4,096 bytes. Several small erases make one; an erase of more would take a neighbour along, and
 * chips with sectors of 16 to 128 KB (STM32) have too few of them for the meter's 12 pages.
 */
export function boardFault(board: EspruinoBoard): string | undefined {
  const { base, eraseBytes, storageFile } = board.flash
  if (pageBytes % eraseBytes !== 0) {
    return `one erase sets ${eraseBytes} bytes, and a page of the meter is ${pageBytes}: it must be whole erases`
  }
  if (base % eraseBytes !== 0) return `the address ${base.toString(16)}h is not at the start of an erase unit`
  if (storageFile !== undefined && storageFile.at + 32 > base) {
    return `the Storage file's header, 32 bytes at ${storageFile.at.toString(16)}h, does not lie before the pages`
  }
  if (board.line.device === board.console) return `the console is on ${board.console}, where the line is`
  return undefined
}
