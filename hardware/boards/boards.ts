// Boards on which the meter runs under Espruino: one row each. Only `linux` (Espruino built for a PC) was run; the rows
// of chips are read from Espruino's source, and were not tried on a board. Line numbers are those of release 2v29
// (commit 6106910b8), or of the snapshot c5ff787b1 where a row has no release.

import { flashPagesFull } from '../../firmware/flash-map.ts'
import type { EspruinoBoard } from './board-row.ts'

export type BoardName = 'linux' | 'esp32' | 'esp32c3' | 'esp32s3' | 'jolt' | 'pico' | 'rp2040' | 'nrf52840'

const page = 'https://www.espruino.com/binaries/'
const release = '2v29'
const pagesFile = 'smets1-pages'

// A contact or opto-coupler that closes to ground, pulled up inside: a falling edge begins a pulse.
const pulseInputs = { mode: 'input_pullup', edge: 'falling', debounceMs: 5, perHour: 0 } as const

/** Room for the script where Storage leaves it. */
const scriptBytesMax = 36 * 1024

// Longer than the longest step (the end of a day, some seconds), shorter than the RP2040's longest, 8.3 s.
const watchdogSeconds = 8

// boards/ESP32*.py: Storage is the partition "storage" of 896 KB; the partition "flash" outside it has only 64 KB.
const espressif = {
  // UART0 or the USB of the chip is Serial1, the console.
  consoleBaud: 115200,
  console: 'Serial1',
  storage: { at: 0x320000, bytes: 896 * 1024 },
  scriptBytesMax,
  eventQueueBytes: 4096,
  slowness: 70,
  deepSleep: false,
  watchdogSeconds,
  flash: { base: 0x321000, eraseBytes: 4096, pages: flashPagesFull, storageFile: pagesFile, ratedErases: 100000 },
} as const

const espressifSource = [
  'targets/esp32/jshardware.c:526 (a watch sets the pull-up)',
  'targets/esp32/jshardware.c:804 (erase)',
  'targets/esp32/jshardwareUart.c:66 (UARTs)',
  'src/jsdevices.h:182 (64 bytes an event)',
  'src/jsinteractive.c:2227 (more at once are lost)',
] as const

export const boards: { [name in BoardName]: EspruinoBoard } = {
  linux: {
    title: 'Espruino for Linux, line on a PTY',
    reports: 'LINUX',
    build: { build: 'BOARD=LINUX RELEASE=1 make', why: 'it runs on this PC; no release has it' },
    source: ['targets/linux/jshardware.c:871 (erase)'],
    consoleBaud: 115200,
    heap: { variables: 5100, bytes: 13 },
    // Erased in units of 1 KB. With a blank first header, or damage there, the interpreter erases all of it when it
    // starts: hence the file around the meter's pages.
    storage: { at: 0x10000000, bytes: 256 * 1024 },
    scriptBytesMax,
    eventQueueBytes: 1024,
    slowness: 1,
    line: {
      device: 'Serial1',
      baud: 115200,
      baudMax: 921600,
      bytesAtOnce: 64,
      options: { path: 'smets1-line' },
    },
    console: 'USB',
    // 500 W at 1,000 pulses per kWh.
    pulses: { ...pulseInputs, pins: [], perHour: 500 },
    deepSleep: false,
    watchdogSeconds: 0,
    flash: {
      base: 0x10000400,
      eraseBytes: 1024,
      pages: flashPagesFull,
      storageFile: pagesFile,
      ratedErases: 100000,
    },
  },
  esp32: {
    ...espressif,
    title: 'ESP32',
    reports: 'ESP32',
    build: { release, file: 'espruino_2v29_esp32.bin', page },
    source: ['boards/ESP32.py:53 (variables), :54 (queue), :91 (Storage)', ...espressifSource],
    heap: { variables: 16383, bytes: 14 },
    // UART2 is Serial3, by default on these pins, which modules with PSRAM (WROVER) do not have free.
    line: { device: 'Serial3', baud: 115200, baudMax: 921600, bytesAtOnce: 64, options: { tx: 'D17', rx: 'D16' } },
    pulses: { ...pulseInputs, pins: ['D27', 'D26', 'D25', 'D33'] },
    powerFail: 'D32',
  },
  esp32c3: {
    ...espressif,
    title: 'ESP32-C3 with the USB socket on the chip',
    reports: 'ESP32C3_IDF4',
    build: { release, file: 'espruino_2v29_esp32c3.bin', page },
    source: ['boards/ESP32C3_IDF4.py:65 (variables), :66 (queue), :104 (Storage)', ...espressifSource],
    // As many as the heap has room for when it starts, this number at most: smets1 flash asks the board.
    heap: { variables: 16383, bytes: 14 },
    // D2, D8 and D9 choose how the chip boots; D0 is the button; D18 and D19 are USB.
    line: { device: 'Serial2', baud: 115200, baudMax: 921600, bytesAtOnce: 64, options: { tx: 'D4', rx: 'D5' } },
    pulses: { ...pulseInputs, pins: ['D1', 'D3', 'D6', 'D7'] },
    powerFail: 'D10',
  },
  esp32s3: {
    ...espressif,
    title: 'ESP32-S3 with the USB socket on the chip',
    reports: 'ESP32S3_IDF4',
    build: { release, file: 'espruino_2v29_esp32s3.bin', page },
    source: [
      'boards/ESP32S3_IDF4.py:65 (variables), :66 (queue), :104 (Storage)',
      'targets/esp32/jshardware.c:508 (D6 to D12 cannot be watched)',
      ...espressifSource,
    ],
    heap: { variables: 16383, bytes: 14 },
    line: { device: 'Serial2', baud: 115200, baudMax: 921600, bytesAtOnce: 64, options: { tx: 'D17', rx: 'D18' } },
    pulses: { ...pulseInputs, pins: ['D4', 'D5', 'D13', 'D14'] },
    powerFail: 'D15',
  },
  jolt: {
    title: 'Jolt.js (nRF52840)',
    reports: 'JOLTJS',
    build: { release, file: 'espruino_2v29_joltjs.zip', page },
    source: [
      'boards/JOLTJS.py:23 (variables), :24 (queue), :76 (Storage), :146 (the header with D1, D26, D47, D46)',
      'targets/nrf5x/jshardware.c:1694 (a watch sets no pull)',
      'targets/nrf5x/jshardware.c:2421 (erase)',
      'src/jsdevices.h:185 (134 bytes an event)',
    ],
    consoleBaud: 115200,
    heap: { variables: 12000, bytes: 14 },
    storage: { at: 0x91000, bytes: 400 * 1024 },
    scriptBytesMax,
    eventQueueBytes: 2048,
    slowness: 70,
    // On the header beside the Qwiic sockets. The chip has certain speeds only, up to 1 M.
    line: { device: 'Serial1', baud: 115200, baudMax: 921600, bytesAtOnce: 134, options: { tx: 'D46', rx: 'D47' } },
    console: 'USB',
    // Signals of the Qwiic sockets 2 and 3; ground is that of the header, not the sockets' (which are outputs).
    pulses: { ...pulseInputs, pins: ['D45', 'D44', 'D38', 'D39'] },
    powerFail: 'D26',
    deepSleep: false,
    watchdogSeconds,
    flash: {
      base: 0x92000,
      eraseBytes: 4096,
      pages: flashPagesFull,
      storageFile: pagesFile,
      ratedErases: 10000,
      wordPrograms: 2,
    },
  },
  pico: {
    title: 'Espruino Pico with a flash chip on SPI',
    reports: 'PICO_R1_3',
    build: { release, file: 'espruino_2v29_pico_1r3.bin', page },
    source: [
      'boards/PICO_R1_3.py:24 (variables), :73 (Storage)',
      'targets/stm32/jshardware.c:1013 (pull), :2143 (a watch sets no pull)',
    ],
    consoleBaud: 115200,
    heap: { variables: 5100, bytes: 13 },
    // Three erase units of 16 KB: all of it is for the script, as the meter's pages are in the flash chip.
    storage: { at: 0x08004000, bytes: 48 * 1024 },
    scriptBytesMax,
    eventQueueBytes: 1024,
    slowness: 41,
    line: { device: 'Serial1', baud: 115200, baudMax: 921600, bytesAtOnce: 64, options: { tx: 'B6', rx: 'B7' } },
    console: 'USB',
    // Watched pins need numbers that differ: A8 and B8 would be one input.
    pulses: { ...pulseInputs, pins: ['B3', 'B4', 'B5', 'A8'] },
    powerFail: 'A2',
    deepSleep: true,
    watchdogSeconds,
    // A W25Q80 or similar has room for everything.
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
  rp2040: {
    title: 'Raspberry Pi Pico (RP2040)',
    reports: 'ESPR_RP2040_PICO',
    build: { build: 'BOARD=RP2040_PICO RELEASE=1 make', why: 'the port came after release 2v29; no release has it' },
    source: [
      'c5ff787b1 boards/RP2040_PICO.py:16 (name), :18 (variables), :46 (Storage)',
      'c5ff787b1 targets/rp2xxx/jshardware.c:1295 (a watch sets no pull), :1646 (flash), :1015 (UART)',
    ],
    consoleBaud: 115200,
    heap: { variables: 12000, bytes: 14 },
    storage: { at: 0x101c0000, bytes: 256 * 1024 },
    scriptBytesMax,
    eventQueueBytes: 4096,
    slowness: 70,
    // This port looks at its UART when it is idle, every 5 ms at the latest, and the chip keeps 32 bytes: at 38,400 baud
    // 19 come in that time, at 115,200 baud 57.
    line: { device: 'Serial1', baud: 38400, baudMax: 38400, bytesAtOnce: 32, options: { tx: 'D0', rx: 'D1' } },
    console: 'USB',
    pulses: { ...pulseInputs, pins: ['D15', 'D14', 'D13', 'D12'] },
    powerFail: 'D11',
    deepSleep: false,
    watchdogSeconds,
    // Flash.write works nowhere but in Storage: the last 256 KB of the flash.
    flash: {
      base: 0x101c1000,
      eraseBytes: 4096,
      pages: flashPagesFull,
      storageFile: pagesFile,
      ratedErases: 100000,
    },
  },
  nrf52840: {
    title: 'nRF52840 Development Kit',
    reports: 'NRF52840DK',
    build: { build: 'BOARD=NRF52840DK RELEASE=1 make', why: 'no release has it' },
    source: [
      'boards/NRF52840DK.py:27 (variables), :72 (Storage)',
      'targets/nrf5x/jshardware.c:1694 (a watch sets no pull)',
      'targets/nrf5x/jshardware.c:2421 (erase)',
      'scripts/build_platform_config.py:357 (queue)',
    ],
    consoleBaud: 9600,
    heap: { variables: 12500, bytes: 14 },
    storage: { at: 0xec000, bytes: 40 * 1024 },
    scriptBytesMax,
    eventQueueBytes: 1024,
    slowness: 70,
    // Serial1 is the console, on the kit's USB socket; these are the pins SDA and SCL of its Arduino header. The chip
    // has certain speeds only, up to 1 M.
    line: { device: 'Serial2', baud: 115200, baudMax: 921600, bytesAtOnce: 134, options: { tx: 'D27', rx: 'D26' } },
    console: 'Serial1',
    pulses: { ...pulseInputs, pins: ['D3', 'D4', 'D28', 'D29'] },
    powerFail: 'D30',
    deepSleep: false,
    watchdogSeconds,
    // Below Storage, far behind the end of Espruino. Other boards with this chip have their Storage elsewhere, and need
    // a row of their own.
    flash: { base: 0xd0000, eraseBytes: 4096, pages: flashPagesFull, ratedErases: 10000, wordPrograms: 2 },
  },
}

export function isBoard(name: string): name is BoardName {
  return Object.hasOwn(boards, name)
}
