// Who is who and whose signatures are believed, from a state directory; read again while the bridge runs.

import { createHash } from 'node:crypto'
import { readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import type { Registry } from '../access/parties.ts'
import { loadRegistry } from '../config/config.ts'
import type { SigningTool } from '../pki/signing-tool.ts'
import { loadTrust } from '../pki/test-pki.ts'
import type { TrustStore } from '../pki/trust.ts'
import type { StatePaths } from '../state/state-directory.ts'
import type { Timing } from '../wan/serial-line.ts'

export interface KnownParties {
  registry: Registry
  trust: TrustStore
  /** SHA-256 of the registry file. */
  sha256: string
  /** The files as they were before they were read. */
  files: string | undefined
}

/** Reads them; the signers of a signing tool are believed, too. @throws Error listing what is wrong */
export function loadKnownParties(paths: StatePaths, tool: SigningTool | undefined): KnownParties {
  const files = stateOfFiles(paths)
  const registry = loadRegistry(paths.registry)
  const certificates = registry.users.flatMap(({ certificate }) => (certificate === undefined ? [] : [certificate]))
  const sha256 = createHash('sha256').update(readFileSync(paths.registry)).digest('hex')
  return { registry, trust: loadTrust(paths.pki, certificates, tool), sha256, files }
}

/** Tells one state of the files from another without reading them; undefined when they cannot be looked at. */
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

/** How often the files are looked at, milliseconds. */
const lookEveryMs = 1000

/**
 * Calls `changed` when the registry or a certificate is no longer as it was when `known` was loaded. `look` looks at
 * once, as if they had changed. A file that cannot be looked at is left for the next time.
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
