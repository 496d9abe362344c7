// What is known of a board on which the meter runs under Espruino.

/** Flash inside the chip. */
export interface ChipFlash {
  /** Address of the meter's first page, at the start of an erase unit. */
  base: number
  /** Bytes that one erase sets. */
  eraseBytes: number
  /** Pages of the meter; fewer than the full number keep a shorter history. */
  pages: number
  /**
   * Name of the Storage file around the meter's pages, when they lie inside Storage: it begins at the start of Storage and
   * reaches to the end of the pages, is written first of all on blank Storage, and never again. It keeps Espruino from
   * using the pages for something else.
   */
  storageFile?: string
  /** Erases that a page is rated for. */
  ratedErases: number
  /** How often a word of 4 bytes may be programmed between two erases; `undefined` where the maker sets no limit. */
  wordPrograms?: number
}

/** A NOR flash chip on SPI, used by the meter alone. */
export interface SpiFlash {
  spi: 'SPI1' | 'SPI2'
  sck: string
  miso: string
  mosi: string
  /** The pin that selects the chip. */
  select: string
  pages: number
  ratedErases: number
  wordPrograms?: number
}

/** The Espruino of a board: a released file to download, or a build of one's own. */
export type EspruinoBuild =
  | { release: string; file: string; page: string }
  | { release?: undefined; build: string; why: string }

export interface EspruinoBoard {
  /** What it is, for people. */
  title: string
  /** The name that its Espruino reports: `process.env.BOARD`. */
  reports: string
  build: EspruinoBuild
  /** Where in Espruino's source (2v29 unless it says otherwise) the figures of this row were read: `file:line`. */
  source: readonly string[]
  /** Speed of the console as Espruino comes, in bits per second; on USB any will do. */
  consoleBaud: number
  heap: { variables: number; bytes: number }
  /** Espruino's Storage: address and bytes. */
  storage: { at: number; bytes: number }
  /** Room for the script, in bytes. */
  scriptBytesMax: number
  /** Bytes of Espruino's event queue: an edge on an input takes 6, a part of a frame its bytes and 2. */
  eventQueueBytes: number
  /** How many times slower than the PC on which the script was timed, at most (firmware/DESIGN.md). */
  slowness: number
  line: {
    /** The UART of the line; never the console's. */
    device: 'Serial1' | 'Serial2' | 'Serial3'
    /** Bits per second, and the most that the board is good for. */
    baud: number
    baudMax: number
    /** Bytes that may arrive at once: released Espruino loses some of a longer run (its issue 2718). */
    bytesAtOnce: number
    /** Pins by name, or the path of a device (Linux only; relative to where the interpreter was started). */
    options: { tx?: string; rx?: string; path?: string }
  }
  /**
   * The device on which the console stays. Without this Espruino moves it to Serial1 when USB or Bluetooth disconnects.
   */
  console: 'USB' | 'Serial1'
  /**
   * Pulse inputs of active import, and as far as there are more of active export, reactive import and reactive export;
   * each is set to `mode` before it is watched. `perHour` is a steady load of active import, in pulses per hour.
   */
  pulses: {
    pins: readonly string[]
    mode: 'input' | 'input_pullup' | 'input_pulldown'
    edge: 'rising' | 'falling'
    debounceMs: number
    perHour: number
  }
  /** An input, pulled up, that falls when the supply is about to fail, for the last gasp. */
  powerFail?: string
  /** True where setDeepSleep does something: on STM32. The other chips sleep lightly by themselves between steps. */
  deepSleep: boolean
  /** A board that hangs longer restarts; 0 for none. */
  watchdogSeconds: number
  flash: ChipFlash | SpiFlash
}
