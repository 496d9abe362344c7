// Names of quirks, for command lines and messages.

import { quirk } from '../../firmware/device-profiles.ts'

/** Name and bit of each quirk. */
export const quirkBits: readonly (readonly [string, number])[] = [
  ['average-power', quirk.averagePower],
  ['stamp-start', quirk.stampStart],
  ['two-wakes', quirk.twoWakes],
  ['snapshots-without-clock', quirk.snapshotsWithoutClock],
]

export const quirkNames: readonly string[] = quirkBits.map(([name]) => name)
