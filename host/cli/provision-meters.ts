// Provisions meters, all or nothing: keys into the DCO's vault, settings to where the meters take them from, and then
// their rows into the registry, which is what makes them count. A run that was killed is undone, or finished, by the next.

import { createHash } from 'node:crypto'
import { readFileSync, rmSync, writeFileSync } from 'node:fs'
import { combineRows, withPlaces } from '../access/import-rows.ts'
import { checkRegistry } from '../access/parties.ts'
import { agreeKey } from '../dco/key-agreement.ts'
import { addKey, addNextKey, openVault, removeKeys } from '../dco/vault.ts'
import { ConfigurationError, type StatePaths, writeFileWhole } from '../state.ts'
import { currentRows } from './import.ts'

export interface NewMeter {
  eui: string
  importMpan?: string
  exportMpan?: string
  line?: string
  cohort?: string
  /** Who is registered: IS for its import MPAN, ES for its export MPAN, others for both. */
  registrations: readonly { role: string; mpid: string }[]
  /** First Settlement Day of these registrations. */
  from: string
}

export interface ProvisionParts {
  /** Fit for keys. */
  randomBytes(count: number): Uint8Array
  /** The meters are there already, and get another key at once. Without it a meter that has a key is refused. */
  replace: boolean
  /** The file that a meter's settings go to. */
  settingsOf(eui: string): string
  install(path: string, eui: string, key: Uint8Array): void
  /** Called after each meter. */
  done?(count: number): void
}

/** What `paths.provisioning` says of a run. */
interface UnderWay {
  pid: number
  replace: boolean
  /** Every key and settings file is there; the registry of this SHA-256 commits. */
  prepared: boolean
  sha256: string
  meters: { eui: string; settings: string }[]
}

/** The name of a meter's settings file, until the meter has taken it. */
export const settingsName = (eui: string) => `${eui}.settings.json`

const sha256Of = (text: string) => createHash('sha256').update(text).digest('hex')

function isAlive(pid: number): boolean {
  if (pid === process.pid) return false
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
}

/** Leaves nothing half done: what the registry knows is finished, anything else undone. */
function settle(paths: StatePaths, run: UnderWay): void {
  const vault = openVault(paths.vault)
  const committed = run.prepared && sha256Of(readFileSync(paths.registry, 'utf8')) === run.sha256
  for (const { eui, settings } of run.meters) {
    if (committed) {
      const next = run.replace ? vault.nextKey(eui) : undefined
      if (next !== undefined) vault.promote(eui, next)
    } else {
      removeKeys(paths.vault, eui, run.replace ? 'next' : 'all')
      rmSync(settings, { force: true })
    }
  }
  rmSync(paths.provisioning, { force: true })
}

/** Says on disk what this run is about to do; one run at a time. @throws ConfigurationError */
function begin(paths: StatePaths, run: UnderWay): void {
  writeFileSync(paths.provisioning, JSON.stringify(run), { flag: 'wx', mode: 0o600, flush: true })
}

/** Undoes or finishes what a killed run has left. @throws ConfigurationError when it is not dead */
function clearUp(paths: StatePaths): void {
  let text: string
  try {
    text = readFileSync(paths.provisioning, 'utf8')
  } catch {
    return
  }
  let run: UnderWay | undefined
  try {
    run = JSON.parse(text)
  } catch {
    // Killed while it was saying what it was going to do: nothing was done.
  }
  if (run !== undefined && isAlive(run.pid)) {
    throw new ConfigurationError(
      `process ${run.pid} is provisioning in ${paths.root}; wait until it is done (if that is another program, remove ${paths.provisioning})`,
    )
  }
  if (run === undefined) rmSync(paths.provisioning, { force: true })
  else settle(paths, run)
}

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
  const checked = checkRegistry(data)
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
        `${eui} has a key already. For a new key that it gets while it works: --rotate ${eui}. ` +
          'To give it another key at once, with which alone it can be reached then: --replace.',
      )
    }
    if (!isThere && replace) throw new ConfigurationError(`${eui} has no key to replace: leave --replace out`)
  }
}

/**
 * Provisions meters in a state directory.
 * @throws ConfigurationError for what cannot be; whatever the disk refuses. Then nothing has changed.
 */
export function provisionMeters(paths: StatePaths, meters: readonly NewMeter[], parts: ProvisionParts): void {
  const { replace, settingsOf, install } = parts
  clearUp(paths)
  refuseByVault(paths, meters, replace)
  const registry = registryWith(paths, meters)
  const run: UnderWay = {
    pid: process.pid,
    replace,
    prepared: false,
    sha256: sha256Of(registry),
    meters: meters.map(({ eui }) => ({ eui, settings: settingsOf(eui) })),
  }
  begin(paths, run)
  try {
    for (const [index, { eui, settings }] of run.meters.entries()) {
      const key = agreeKey(parts.randomBytes)
      // The DCO knows a key before the meter can have it; one that replaces another follows it until the end.
      if (replace) addNextKey(paths.vault, eui, key)
      else addKey(paths.vault, eui, key)
      install(settings, eui, key)
      key.fill(0)
      parts.done?.(index + 1)
    }
    run.prepared = true
    writeFileWhole(paths.provisioning, JSON.stringify(run))
    writeFileWhole(paths.registry, registry)
  } finally {
    settle(paths, run)
  }
}

/**
 * Makes the key that is to follow the one a meter has, and the settings file that gives it to the meter. Until the meter is
 * heard with it the old one holds.
 * @throws ConfigurationError for a meter without a key
 */
export function rotateKey(
  paths: StatePaths,
  eui: string,
  parts: Pick<ProvisionParts, 'randomBytes' | 'settingsOf' | 'install'>,
): void {
  clearUp(paths)
  if (openVault(paths.vault).key(eui) === undefined) {
    throw new ConfigurationError(`${eui} has no key to rotate: smets1 provision --eui ${eui} gives it one`)
  }
  const key = agreeKey(parts.randomBytes)
  addNextKey(paths.vault, eui, key)
  parts.install(parts.settingsOf(eui), eui, key)
  key.fill(0)
}
