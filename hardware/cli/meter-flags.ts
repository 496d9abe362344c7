// Flags of `smets1 meter`, which `smets1 up` passes on: form, meaning, default.

import { deviceProfileNames } from '../../firmware/device-profiles.ts'
import { typicalPeakW } from '../load/solar.ts'
import { quirkNames } from '../settings/quirk-names.ts'

export type Flag = readonly [form: string, meaning: string, value?: string | number]

/** Where the energy comes from. */
export const loadFlags: readonly Flag[] = [
  ['--seed <n>', 'seed of the simulated household and weather (from the EUI-64 unless given)'],
  ['--solar <Wp>', `solar panels, in watts peak; 0 for none (${typicalPeakW} unless given, 0 with --load)`],
  [
    '--load <file>',
    'half-hourly readings of active import for a meter with an empty log: CSV, JSON, NEM12, Green Button',
  ],
  ['--load-export <file>', 'half-hourly readings of active export for the same period as --load'],
  [
    '--stamps <start|end>',
    'whether a time stamp in a file is the start or the end of its half-hour (start unless the file says)',
  ],
  ['--zone <name>', 'time zone of stamps and days without one: Europe/London, UTC, +01:00 (UTC unless given)'],
  ['--meter <id>', 'the meter or home to read from a file with more than one: its MPAN, LCLid or other name'],
  ['--household <id>', 'the same as --meter'],
  ['--force', 'read what fits of a file that is refused otherwise; hourly values are halved'],
  ['--year-ends', 'shift the readings by whole days so that --load ends yesterday'],
  ['--days <n>', 'days before today to simulate for a meter with an empty log (30 unless given)'],
  ['--no-catch-up', 'leave a gap for the time during which the meter did not run'],
]

/** What the meter keeps in its flash; written there, with a new version, when it differs. */
export const settingsFlags: readonly Flag[] = [
  ['--device-profile <name>', `make of the meter: ${deviceProfileNames.join(', ')}`],
  ['--quirks <list>', `quirks in addition to those of the profile: ${quirkNames.join(', ')}; or none`],
  ['--daily-reads <n>', 'entries of the daily read log, 1 to 31; 0: as many as the profile has'],
  ['--billing-day <n>', 'day of the month of the billing data log, 1 to 28; 0: none'],
  ['--max-half-hour-wh <n>', 'most that the connection carries in a half-hour, on one channel; 41400 by default'],
  ['--checkpoint-wh <n>', 'energy that a power cut may lose, 10 to 60000 Wh'],
  ['--tariff <file>', 'tariff switching table (JSON); none: always register 1'],
]

/** Faults on purpose. */
export const faultFlags: readonly Flag[] = [
  ['--time-scale <n>', 'run the time of the meter n times as fast, 1 to 3600, except while it is awake'],
  [
    '--cut-power-after <when>',
    'cut power after a time (90s, 15m, 2h, 1d) or in the nth flash operation (200); 15m/5m: for 5 minutes after 15; may be given again',
  ],
  ['--last-gasp', 'warn the firmware before each power cut after a time, and before a stop'],
  ['--clock-drift-ppm <n>', 'clock error in parts per million, fast; slow: --clock-drift-ppm=-50'],
  [
    '--clock-step <step>',
    'step the clock, as seconds@when: 3600@10m, --clock-step=-7200@2026-10-25T01:00Z; may be given again',
  ],
  ['--clock-lost', 'start the clock at 1970 whenever power returns'],
  ['--flash-wear <n>', 'break one more bit of a page at each erase after the nth, counted from this start'],
]
