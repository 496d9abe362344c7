// The models of the WAN and of the DCO for a part of a scenario's meters: limits that all meters share are scaled, times are
// as they are.

import type { DcoSettings } from '../../host/dco/dco-settings.ts'
import type { PlaceSettings, WanSettings } from '../../host/wan/wan-settings.ts'

/** At least one, where there is a limit at all. */
const scaledWhole = (limit: number, share: number) => (limit === 0 ? 0 : Math.max(1, Math.round(limit * share)))

function scaledPlace(place: Partial<PlaceSettings>, share: number): Partial<PlaceSettings> {
  const { contexts, callsPerSecond, smsPerSecond } = place
  return {
    ...place,
    ...(contexts !== undefined && { contexts: scaledWhole(contexts, share) }),
    ...(callsPerSecond !== undefined && { callsPerSecond: callsPerSecond * share }),
    ...(smsPerSecond !== undefined && { smsPerSecond: smsPerSecond * share }),
  }
}

function scaledPlaces<Place extends Partial<PlaceSettings>>(places: { [name: string]: Place }, share: number) {
  return Object.fromEntries(Object.entries(places).map(([name, place]) => [name, scaledPlace(place, share)]))
}

export function scaledWan(settings: WanSettings | undefined, share: number): WanSettings | undefined {
  if (settings === undefined) return undefined
  const { seed, all, csps, cohorts } = settings
  return { seed, all: scaledPlace(all, share), csps: scaledPlaces(csps, share), cohorts: scaledPlaces(cohorts, share) }
}

export function scaledDco(settings: DcoSettings | undefined, share: number): DcoSettings | undefined {
  if (settings === undefined) return undefined
  const { workers, callsPerSecond, queueMax } = settings
  return {
    ...settings,
    workers: scaledWhole(workers, share),
    callsPerSecond: callsPerSecond * share,
    queueMax: scaledWhole(queueMax, share),
  }
}
