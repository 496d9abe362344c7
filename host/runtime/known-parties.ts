// Users, devices and certificates from a state directory; read again when the files change.

import { createHash } from 'node:crypto'
import { readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import type { Registry } from '../access/parties.ts'
import type { BridgeDisk, Parties } from '../bridge/env.ts'
import { loadRegistry } from '../config/config.ts'
import type { SigningTool } from '../pki/signing-tool.ts'
import { loadTrust } from '../pki/test-pki.ts'
import type { TrustStore } from '../pki/trust.ts'
import type { StatePaths } from '../state/state-directory.ts'
import type { Timing } from '../wan/timing.ts'

export interface KnownParties {
  registry: Registry
  trust: TrustStore
  /** SHA-256 of the registry file. */
  sha256: string
  /** State of the files before they were read. */
  files: string | undefined
}

/** Reads them; the certificates of a signing tool are trusted as well. @throws Error listing what is wrong */
export function loadKnownParties(paths: StatePaths, tool: SigningTool | undefined): KnownParties {
  const files = stateOfFiles(paths)
  const registry = loadRegistry(paths.registry)
  const certificates = registry.users.flatMap(({ certificate }) => (certificate === undefined ? [] : [certificate]))
  const sha256 = createHash('sha256').update(readFileSync(paths.registry)).digest('hex')
  return { registry, trust: loadTrust(paths.pki, certificates, tool), sha256, files }
}

/** Inode, size and time of each file; undefined when they cannot be read. */
function stateOfFiles(paths: StatePaths): string | undefined {
  try {
    const files = readdirSync(paths.pki).filter((name) => name.endsWith('.pem'))
    return [paths.registry, ...files.sort().map((name) => join(paths.pki, name))]
      .map((path) => {
        const { ino, size, mtimeMs } = statSync(path)
        return `${path} ${ino} ${size} ${mtimeMs}`
      })
      .join('\n')
  } catch {
    return undefined
  }
}

/** How often the files are checked, milliseconds. */
const lookEveryMs = 1000

/**
 * Calls `changed` when the registry or a certificate is no longer as it was when `known` was loaded. `look` reads them at
 * once, changed or not. Files that cannot be read are tried again the next time.
 */
export function watchParties(
  paths: StatePaths,
  known: KnownParties,
  timing: Timing,
  changed: () => void,
): { look(): void; stop(): void } {
  let last = known.files
  let timer = timing.after(lookEveryMs, check)
  function check(): void {
    timer = timing.after(lookEveryMs, check)
    const now = stateOfFiles(paths)
    if (now === undefined || now === last) return
    last = now
    changed()
  }
  return {
    look() {
      last = stateOfFiles(paths)
      changed()
    },
    stop: () => timer.cancel(),
  }
}

/**
 * The parties of a state directory, read again when the files change. Requests keep the parties that they were checked
 * with. Files that are wrong are reported, and the parties stay as they were. @throws Error listing what is wrong at first
 */
export function openParties(
  paths: StatePaths,
  tool: SigningTool | undefined,
  { timing, audit, log }: { timing: Timing; audit: BridgeDisk['audit']; log(event: string, fields: object): void },
): Parties & { reload(): void; stop(): void } {
  let known = loadKnownParties(paths, tool)
  let onChange = (_before: Registry) => {}

  function report(): void {
    const { sha256, registry } = known
    const fields = { sha256, users: registry.users.length, devices: registry.devices.length }
    audit.record({ event: 'registry', ...fields })
    log('registry', fields)
  }

  function read(): void {
    try {
      const before = known.registry
      known = loadKnownParties(paths, tool)
      report()
      onChange(before)
    } catch (error) {
      const problem = (error as Error).message
      log('registry refused', { problem })
      audit.record({ event: 'registry refused', problem: problem.slice(0, 1000) })
    }
  }

  report()
  const watching = watchParties(paths, known, timing, read)
  return {
    registry: () => known.registry,
    trust: () => known.trust,
    onChange(changed) {
      onChange = changed
    },
    reload: watching.look,
    stop: watching.stop,
  }
}
