// Runs the DCC's own signing tool, where there is a Java runtime.

import { execFile } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { toolJar } from './duis-schema.ts'

const directory = mkdtempSync(join(tmpdir(), 'smets1-java-'))
process.once('exit', () => rmSync(directory, { recursive: true, force: true }))

/** `bytes`: standard output as it is; `stdout`: read as UTF-8. */
type Run = { status: number; bytes: Buffer; stdout: string; stderr: string }

let files = 0

/** Runs one of the tool's two programs on a message, which keeps its counter. Status 0: done; 10: invalid. */
export function javaTool(program: 'Sign' | 'Validate', message: string | Uint8Array): Promise<Run> {
  files += 1
  const file = join(directory, `${files}.xml`)
  writeFileSync(file, message)
  const args = ['-cp', toolJar, `uk.co.smartdcc.boxed.xmldsig.${program}`, file]
  if (program === 'Sign') args.push('--preserveCounter')
  return new Promise((resolve) => {
    execFile('java', args, { maxBuffer: 16 * 1024 * 1024, encoding: 'buffer' }, (error, stdout, stderr) => {
      const status = typeof error?.code === 'number' ? error.code : error ? -1 : 0
      resolve({ status, bytes: stdout, stdout: stdout.toString(), stderr: stderr.toString() })
    })
  })
}
