// How the cohorts of real SMETS1 meters differ, as data. Only the Secure row rests on a manual (Secure Liberty 100
// technical reference manual BGX501-767-R02, and the inventory example for it); the others carry the names of the SECMP0162
// preliminary impact assessment and the common behaviour, until somebody has a document that says otherwise.

/** What a profile does beside the common behaviour, as bits of the inventory's `quirks`. */
export const quirk = {
  /** Half-hours hold the average power in W instead of the energy in Wh: twice the number. Reported of some cohorts. */
  averagePower: 1,
  /** The meter names a half-hour by its beginning; who writes the time of a log entry must know. */
  stampStart: 2,
  /** One wake is not enough: the meter answers the second (as MP312 has it for 4.10 on Secure meters). */
  twoWakes: 4,
  /** A lost clock suspends half-hours, but midnight snapshots go on by the estimated time. */
  snapshotsWithoutClock: 8,
} as const

export interface DeviceProfile {
  /** At most 30 characters each, firmware version at most 8 (DUIS). */
  manufacturer: string
  model: string
  firmwareVersion: string
  /** Entries of the daily read log; 14 by default, the least certain figure of SMETS1. */
  dailyReads: number
  quirks: number
}

/** Names of the profiles; a profile's number is its place here. */
export const deviceProfileNames = ['generic', 'cgi-ie', 'secure', 'trilliant', 'dxc-foc'] as const

function row(manufacturer: string, firmwareVersion: string, quirks: number): DeviceProfile {
  return {
    manufacturer: manufacturer,
    model: quirks > 0 ? 'Liberty 100' : 'stand-in ESME',
    firmwareVersion: firmwareVersion,
    dailyReads: 14,
    quirks: quirks,
  }
}

/** The profile with this number; the generic one for a number that there is not. */
export function deviceProfile(number: number): DeviceProfile {
  if (number === 1) return row('CGI IE cohort', 'IOC-1', 0)
  if (number === 2) return row('Secure', 'P4X2G04', quirk.snapshotsWithoutClock)
  if (number === 3) return row('Trilliant cohort', 'MOC-T1', 0)
  if (number === 4) return row('DXC cohort', 'FOC-1', 0)
  return row('smets1', '0.1.0', 0)
}
