// The flags of `smets1 meter`, what they mean, and what holds without them. `smets1 up` hands most of them on.

import { deviceProfileNames } from '../../firmware/device-profiles.ts'
import { typicalPeakW } from '../load/solar.ts'
import { quirkNames } from '../settings/quirk-names.ts'

export type Flag = readonly [string, string, (string | number)?]

// Of a flag whose meaning ends in "again" there may be several.

/** Where the energy comes from. */
export const loadFlags: readonly Flag[] = [
  ['--seed <n>', 'household and weather; from the EUI unless given'],
  ['--solar <Wp>', `panels on the roof, watts peak; 0 for none (${typicalPeakW} unless given, 0 with --load)`],
  ['--load <file>', 'half-hourly readings (CSV) as the load of a meter without a log'],
  ['--load-export <file>', 'half-hourly readings of active export, of the same time as --load'],
  ['--stamps <which>', 'what a stamp in a file names: start or end of its half-hour (start unless given)'],
  ['--household <id>', 'the LCLid to take from a file of several'],
  ['--year-ends', 'shift the files by whole days so that --load ends yesterday'],
  ['--days <n>', 'whole days before today made up for a meter without a log (30 unless given)'],
  ['--no-catch-up', 'leave the time since the meter last ran as a gap'],
]

/** What the meter keeps in its flash; written there, with a new version, when it differs. */
export const settingsFlags: readonly Flag[] = [
  ['--device-profile <name>', `the meter's make: ${deviceProfileNames.join(', ')}`],
  ['--quirks <list>', `beside those of the profile: ${quirkNames.join(', ')}; none for none`],
  ['--daily-reads <n>', 'entries of the daily read log, 1 to 31; 0 for as many as the profile has'],
  ['--billing-day <n>', 'day of the month of the billing data log, 1 to 28; 0 for none'],
  ['--checkpoint-wh <n>', 'energy that a power cut may lose, 10 to 60000 Wh'],
  ['--tariff <file>', 'tariff switching table (JSON); none for register 1 always'],
]

/** What goes wrong on purpose. */
export const faultFlags: readonly Flag[] = [
  ['--time-scale <n>', "the meter's time runs n times as fast, 1 to 3600; while it is awake as it is"],
  [
    '--cut-power-after <when>',
    'after 90s, 15m, 2h, 1d, or inside the nth operation on flash: 200; off for 15m/5m; again',
  ],
  ['--last-gasp', 'the board warns before power goes after a time, and when told to stop'],
  ['--clock-drift-ppm <n>', "the board's clocks run fast by so many millionths; slow: --clock-drift-ppm=-50"],
  ['--clock-step <step>', 'its clock jumps: 3600@10m, --clock-step=-7200@2026-10-25T01:00Z (seconds@when); again'],
  ['--clock-lost', 'its clock begins at 1970 when power comes'],
  ['--flash-wear <n>', 'each erase of a page after n, counted from this start, breaks bits of it, one more each time'],
]
