// Provisions meters, all or nothing: keys into the DCO's vault, settings files for the meters, and last their rows into
// the registry, which completes it.

import { combineRows, withPlaces } from '../access/import-rows.ts'
import type { StampConvention } from '../catalogue/read-window.ts'
import { agreeKey } from '../dco/key-agreement.ts'
import { addKey, addNextKey, keyFileOf, openVault } from '../dco/vault.ts'
import { changeRegistry, currentRows } from '../runtime/registry-file.ts'
import { checkRegistryFile } from '../runtime/state-registry.ts'
import { ConfigurationError } from '../state/errors.ts'
import type { StatePaths } from '../state/state-directory.ts'
import { syncAll } from '../state/sync-all.ts'

export interface NewMeter {
  eui: string
  importMpan?: string
  exportMpan?: string
  line?: string
  cohort?: string
  s1sp?: string
  csp?: string
  /** Whether its half-hours are stamped at the start or the end. */
  stamps?: StampConvention
  /** Who is registered: IS for its import MPAN, ES for its export MPAN, others for both. */
  registrations: readonly { role: string; mpid: string }[]
  /** First Settlement Day of these registrations. */
  from: string
}

export interface ProvisionParts {
  /** Cryptographically secure. */
  randomBytes(count: number): Uint8Array
  /** The meters are there already, and get another key at once. Without it a meter that has a key is refused. */
  replace: boolean
  /** The file that a meter's settings go to. */
  settingsOf(eui: string): string
  /** Writes that file. Not `durable`: all of them are brought to the disk together. */
  install(path: string, eui: string, key: Uint8Array, durable: boolean): void
  /** Called after each meter. */
  done?(count: number): void
}

/** The name of a meter's settings file, until the meter has taken it. */
export const settingsName = (eui: string) => `${eui}.settings.json`

/** The rows of these meters for the registry; of a device that is there, what is not given stays. */
function rowsOf(current: ReturnType<typeof currentRows>, meters: readonly NewMeter[]) {
  const known = new Map(current.devices.map(({ row }) => [String(row.eui).toUpperCase(), row]))
  const place = 'the meter'
  const devices = meters.map(({ registrations: _, from: __, ...given }) => ({
    row: { status: 'Commissioned', line: 'default', ...known.get(given.eui), ...given },
    place: `${place} ${given.eui}`,
  }))
  const registrations = meters.flatMap(({ registrations, from }, index) => {
    const { importMpan, exportMpan } = devices[index]!.row as { importMpan?: string; exportMpan?: string }
    return registrations.flatMap(({ role, mpid }) => {
      const mpans = role === 'IS' ? [importMpan] : role === 'ES' ? [exportMpan] : [importMpan, exportMpan]
      return mpans.flatMap((mpan) =>
        mpan === undefined ? [] : { row: { mpan, role, mpid, from }, place: `the registration ${role}=${mpid}` },
      )
    })
  })
  return { users: [], devices, registrations }
}

/** The registry with the meters in it, as its file's text. @throws ConfigurationError with every problem */
function registryWith(paths: StatePaths, meters: readonly NewMeter[]): string {
  const current = currentRows(paths)
  const { data, places } = combineRows(current, [rowsOf(current, meters)], 'merge')
  const checked = checkRegistryFile(paths, data)
  if (!checked.ok) {
    const problems = checked.problems.map((problem) => withPlaces(problem, places))
    throw new ConfigurationError(`nothing is provisioned:\n${problems.join('\n')}`)
  }
  return `${JSON.stringify(data, null, 2)}\n`
}

function refuseByVault(paths: StatePaths, meters: readonly NewMeter[], replace: boolean): void {
  const vault = openVault(paths.vault)
  for (const { eui } of meters) {
    const isThere = vault.key(eui) !== undefined
    if (isThere && !replace) {
      throw new ConfigurationError(
        `${eui} has a key already. To change the key of a meter in service: --rotate ${eui}. ` +
          'To replace it at once, after which only the new key reaches the meter: --replace.',
      )
    }
    if (!isThere && replace) throw new ConfigurationError(`${eui} has no key to replace: leave --replace out`)
  }
}

/**
 * Provisions meters in a state directory.
 * @throws ConfigurationError for wrong input, and errors of the disk; then nothing has changed.
 */
export function provisionMeters(paths: StatePaths, meters: readonly NewMeter[], parts: ProvisionParts): void {
  const { replace, settingsOf, install } = parts
  changeRegistry(paths, (change) => {
    refuseByVault(paths, meters, replace)
    const registry = registryWith(paths, meters)
    const named = meters.map(({ eui }) => ({ eui, settings: settingsOf(eui) }))
    change.announce(registry, { replace, meters: named })
    for (const [index, { eui, settings }] of named.entries()) {
      const key = agreeKey(parts.randomBytes)
      // The DCO knows a key before the meter can have it; one that replaces another follows it until the end.
      if (replace) addNextKey(paths.vault, eui, key, false)
      else addKey(paths.vault, eui, key, false)
      install(settings, eui, key, false)
      key.fill(0)
      parts.done?.(index + 1)
    }
    syncAll([...named.map(({ settings }) => settings), ...named.map(({ eui }) => keyFileOf(paths.vault, eui, replace))])
    change.commit(registry)
  })
}

/**
 * Makes the key that is to follow the one a meter has, and the settings file that gives it to the meter. Until the meter has
 * used it, the old key stays valid.
 * @throws ConfigurationError for a meter without a key
 */
export function rotateKey(
  paths: StatePaths,
  eui: string,
  parts: Pick<ProvisionParts, 'randomBytes' | 'settingsOf' | 'install'>,
): void {
  changeRegistry(paths, () => {
    if (openVault(paths.vault).key(eui) === undefined) {
      throw new ConfigurationError(`${eui} has no key to rotate: smets1 provision --eui ${eui} gives it one`)
    }
    const key = agreeKey(parts.randomBytes)
    addNextKey(paths.vault, eui, key)
    parts.install(parts.settingsOf(eui), eui, key, true)
    key.fill(0)
  })
}
