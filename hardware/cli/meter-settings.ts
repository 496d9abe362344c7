// Changes to the meter's configuration from the command line.

import type { Flash } from '../../firmware/board.ts'
import { deviceProfileNames } from '../../firmware/device-profiles.ts'
import type { Configuration, Settings } from '../../firmware/settings.ts'
import { encodeConfiguration, writeSettings } from '../../firmware/settings.ts'
import { sameBytes } from '../../protocol/bytes.ts'
import { dailyReadsMax } from '../../protocol/limits.ts'
import { quirkBits, quirkNames } from '../settings/quirk-names.ts'
import { readTariff } from '../settings/tariff-file.ts'
import { text, whole } from './meter-options.ts'
import { readTextFile } from './text-file.ts'

type Given = Record<string, unknown>

/** More than any table that fits the meter takes. */
const tariffFileBytesMax = 65536

function readQuirks(written: string): number {
  if (written === 'none') return 0
  let bits = 0
  for (const name of written.split(',')) {
    const bit = quirkBits.find(([known]) => known === name.trim())?.[1]
    if (bit === undefined) throw new Error(`--quirks is a list of ${quirkNames.join(', ')}, or none; not ${name}`)
    bits |= bit
  }
  return bits
}

function readProfile(written: string): number {
  const number = (deviceProfileNames as readonly string[]).indexOf(written)
  if (number < 0) throw new Error(`--device-profile is one of ${deviceProfileNames.join(', ')}; not ${written}`)
  return number
}

function readTable(written: string): Uint8Array {
  if (written === 'none') return new Uint8Array(0)
  const result = readTariff(readTextFile(written, tariffFileBytesMax))
  if (!result.ok) throw new Error(`${written}: ${result.problem}`)
  return result.table
}

/**
 * The parts of the configuration that the options give.
 * @throws Error with what is wrong and what to write instead
 */
export function readMeterSettings(options: Given): Partial<Configuration> {
  const profile = text(options, 'deviceProfile')
  const quirks = text(options, 'quirks')
  const tariff = text(options, 'tariff')
  const dailyReads = whole(options, 'dailyReads', 0, dailyReadsMax)
  const billingDay = whole(options, 'billingDay', 0, 28)
  const checkpointWh = whole(options, 'checkpointWh', 10, 60000)
  const halfHourWhMax = whole(options, 'maxHalfHourWh', 1, 0xffffff)
  return {
    ...(profile === undefined ? {} : { deviceProfile: readProfile(profile) }),
    ...(quirks === undefined ? {} : { quirks: readQuirks(quirks) }),
    ...(dailyReads === undefined ? {} : { dailyReads }),
    ...(billingDay === undefined ? {} : { billingDay }),
    ...(checkpointWh === undefined ? {} : { checkpointWh }),
    ...(halfHourWhMax === undefined ? {} : { halfHourWhMax }),
    ...(tariff === undefined ? {} : { tariff: readTable(tariff) }),
  }
}

/**
 * Writes what differs from the settings in flash, with a new version. Without a difference nothing is written.
 * @returns the settings as they are in flash then
 * @throws Error when they cannot be written
 */
export function changeSettings(flash: Flash, settings: Settings, change: Partial<Configuration>): Settings {
  const configuration = { ...settings.configuration, ...change }
  if (sameBytes(encodeConfiguration(configuration), encodeConfiguration(settings.configuration))) return settings
  const changed = { ...settings, configuration, version: settings.version + 1 }
  writeSettings(flash, changed)
  return changed
}
