// Boards on which the meter runs under Espruino: one row each. Only `linux` (Espruino built for a PC) was run; the rows
// of chips are read from Espruino 2v29, the boards/*.py and targets/* of its source, and were not tried on a board.

import { flashPagesFull, flashPagesMin, pageBytes } from '../../firmware/flash-map.ts'

export type BoardName = 'linux' | 'esp32' | 'rp2040' | 'nrf52840' | 'pico'

/** Flash inside the chip. */
export interface ChipFlash {
  /** Address of the meter's first page, at the start of an erase unit. */
  base: number
  /** Bytes that one erase sets. */
  eraseBytes: number
  /** Pages of the meter; fewer than the full number keep a shorter history. */
  pages: number
  /**
   * The Storage file around the meter's pages, when they lie inside Storage: it begins at `at` and reaches to their
   * end, is written first of all on blank Storage, and never again. It keeps Espruino's hands off the pages.
   */
  storageFile?: { name: string; at: number }
  /** Erases that a page is rated for. */
  ratedErases: number
}

/** A NOR flash chip on SPI, the meter's alone. */
export interface SpiFlash {
  spi: 'SPI1' | 'SPI2'
  sck: string
  miso: string
  mosi: string
  /** The pin that selects the chip. */
  select: string
  pages: number
  ratedErases: number
}

export interface EspruinoBoard {
  /** What it is, for people. */
  title: string
  /** What its Espruino calls itself: `process.env.BOARD`. */
  reports: string
  /** Bits a second of the console, as Espruino comes; on USB any will do. */
  consoleBaud: number
  /** Variables of the heap, and the bytes of each. */
  heap: { variables: number; bytes: number }
  line: {
    /** The UART of the line; never the console's. */
    device: 'Serial1' | 'Serial2' | 'Serial3'
    /** Bits a second, and the most that the board is good for. */
    baud: number
    baudMax: number
    /** Pins by name, or the path of a device (Linux only; relative to where the interpreter was started). */
    options: { tx?: string; rx?: string; path?: string }
  }
  /** The device the console is kept on. Left to itself, Espruino moves it to Serial1 when USB or Bluetooth goes away. */
  console: 'USB' | 'Serial1'
  /**
   * Inputs with a pulse for so many Wh (the meter's settings say how many): of active import, and as far as there are more
   * of active export, reactive import and reactive export; and a steady load of active import, in pulses an hour.
   */
  pulses: { pins: readonly string[]; edge: 'rising' | 'falling'; debounceMs: number; perHour: number }
  /** An input that falls when the supply is about to fail, for the last gasp. */
  powerFail?: string
  /** True where setDeepSleep does something: on STM32. The other chips sleep lightly by themselves between steps. */
  deepSleep: boolean
  /** What hangs longer restarts the board; 0 for none. */
  watchdogSeconds: number
  flash: ChipFlash | SpiFlash
}

// Close to ground through an opto-coupler, pulled up inside: the edge that falls begins a pulse.
const pulseInputs = { edge: 'falling', debounceMs: 5, perHour: 0 } as const

// Longer than the longest step (the end of a day, some seconds), shorter than the RP2040's longest, 8.3 s.
const watchdogSeconds = 8

export const boards: { [name in BoardName]: EspruinoBoard } = {
  linux: {
    title: 'Espruino for Linux, line on a PTY',
    reports: 'LINUX',
    consoleBaud: 115200,
    heap: { variables: 5100, bytes: 13 },
    line: { device: 'Serial1', baud: 115200, baudMax: 921600, options: { path: 'smets1-line' } },
    console: 'USB',
    // 500 W at 1,000 pulses per kWh.
    pulses: { ...pulseInputs, pins: [], perHour: 500 },
    deepSleep: false,
    watchdogSeconds: 0,
    // One Storage area of 256 KB at 10000000h, erased in units of 1 KB. With a blank first header, or junk there, the
    // interpreter erases all of it when it starts: hence the file.
    flash: {
      base: 0x10000400,
      eraseBytes: 1024,
      pages: flashPagesFull,
      storageFile: { name: 'smets1-pages', at: 0x10000000 },
      ratedErases: 100000,
    },
  },
  esp32: {
    title: 'ESP32 (boards/ESP32.py)',
    reports: 'ESP32',
    consoleBaud: 115200,
    heap: { variables: 16383, bytes: 14 },
    // UART0 is Serial1, the console, on the USB socket of most boards. UART2 is Serial3, by default on these pins, which
    // modules with PSRAM (WROVER) do not have free.
    line: { device: 'Serial3', baud: 115200, baudMax: 921600, options: { tx: 'D17', rx: 'D16' } },
    console: 'Serial1',
    pulses: { ...pulseInputs, pins: ['D27', 'D26', 'D25', 'D33'] },
    deepSleep: false,
    watchdogSeconds,
    // Inside Storage, which is 896 KB: the partition "flash" outside it has only 64 KB.
    flash: {
      base: 0x321000,
      eraseBytes: 4096,
      pages: flashPagesFull,
      storageFile: { name: 'smets1-pages', at: 0x320000 },
      ratedErases: 100000,
    },
  },
  rp2040: {
    title: 'Raspberry Pi Pico (boards/RP2040_PICO.py)',
    reports: 'RP2040_PICO',
    consoleBaud: 115200,
    heap: { variables: 12000, bytes: 14 },
    // This port looks at its UART when it is idle, every 5 ms at the latest, and the chip keeps 32 bytes: at 38,400 baud 19
    // come in that time, at 115,200 baud 57.
    line: { device: 'Serial1', baud: 38400, baudMax: 38400, options: { tx: 'D0', rx: 'D1' } },
    console: 'USB',
    pulses: { ...pulseInputs, pins: ['D15', 'D14', 'D13', 'D12'] },
    deepSleep: false,
    watchdogSeconds,
    // Flash.write works nowhere but in Storage: the last 256 KB of the flash.
    flash: {
      base: 0x101c1000,
      eraseBytes: 4096,
      pages: flashPagesFull,
      storageFile: { name: 'smets1-pages', at: 0x101c0000 },
      ratedErases: 100000,
    },
  },
  nrf52840: {
    title: 'nRF52840 Development Kit (boards/NRF52840DK.py)',
    reports: 'NRF52840DK',
    consoleBaud: 9600,
    heap: { variables: 12500, bytes: 14 },
    // Serial1 is the console, on the kit's USB socket; these are the pins SDA and SCL of its Arduino header. The chip
    // knows certain speeds only, up to 1 M.
    line: { device: 'Serial2', baud: 115200, baudMax: 921600, options: { tx: 'D27', rx: 'D26' } },
    console: 'Serial1',
    pulses: { ...pulseInputs, pins: ['D3', 'D4', 'D28', 'D29'] },
    deepSleep: false,
    watchdogSeconds,
    // Below Storage (EC000h), far behind the end of Espruino. Other boards with this chip have their Storage elsewhere, and
    // need a row of their own.
    flash: { base: 0xd0000, eraseBytes: 4096, pages: flashPagesFull, ratedErases: 10000 },
  },
  pico: {
    title: 'Espruino Pico with a flash chip on SPI (boards/PICO_R1_3.py)',
    reports: 'PICO_R1_3',
    consoleBaud: 115200,
    heap: { variables: 5100, bytes: 13 },
    line: { device: 'Serial1', baud: 115200, baudMax: 921600, options: { tx: 'B6', rx: 'B7' } },
    console: 'USB',
    pulses: { ...pulseInputs, pins: ['B3', 'B4', 'B5', 'A8'] },
    deepSleep: true,
    watchdogSeconds,
    // The chip's own flash has three erase units of 16 KB; the script takes two, and logs that outlive a power cut need
    // two at least. A W25Q80 or any like it has room for everything.
    flash: {
      spi: 'SPI1',
      sck: 'A5',
      miso: 'A6',
      mosi: 'A7',
      select: 'B1',
      pages: flashPagesFull,
      ratedErases: 100000,
    },
  },
}

/** Bytes of flash that the meter uses on a board. */
export function meterFlashBytes(board: EspruinoBoard): number {
  return board.flash.pages * pageBytes
}

/**
 * Says why a row cannot work; `undefined` when it can.
 * A page of the meter is 4,096 bytes. Several small erases make one; an erase of more would take a neighbour along, and
 * chips with sectors of 16 to 128 KB (STM32) have too few of them.
 */
export function boardFault(board: EspruinoBoard): string | undefined {
  const { flash, line } = board
  if (flash.pages < flashPagesMin) return `${flash.pages} pages are too few: the logs need ${flashPagesMin} at least`
  if (line.device === board.console) return `the console is on ${board.console}, where the line is`
  if (line.baud > line.baudMax) return `${line.baud} baud are more than the board is good for, ${line.baudMax}`
  if (board.deepSleep && line.options.rx === undefined) return 'deep sleep needs the receive pin, to wake by it'
  if ('spi' in flash) return undefined
  const { base, eraseBytes, storageFile } = flash
  if (pageBytes % eraseBytes !== 0) {
    return `one erase sets ${eraseBytes} bytes, and a page of the meter is ${pageBytes}: it must be whole erases`
  }
  if (base % eraseBytes !== 0) return `the address ${base.toString(16)}h is not at the start of an erase unit`
  if (storageFile !== undefined && storageFile.at + 32 > base) {
    return `the Storage file's header, 32 bytes at ${storageFile.at.toString(16)}h, does not lie before the pages`
  }
  return undefined
}

export function isBoard(name: string): name is BoardName {
  return Object.hasOwn(boards, name)
}
