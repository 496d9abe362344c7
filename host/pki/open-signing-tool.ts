// The DCC's own signing tool, where the configuration names a copy of it (keys.boxed).

import { isIP } from 'node:net'
import { CommandError, exitCode } from '../state/errors.ts'
import { loadSigningTool, type SigningTool } from './signing-tool.ts'

/** The signing tool that the configuration names, if any. @throws CommandError with the exit code for keys */
export async function signingToolOf({
  keysBoxed,
}: {
  keysBoxed: string | undefined
}): Promise<SigningTool | undefined> {
  if (keysBoxed === undefined) return undefined
  try {
    return await loadSigningTool(keysBoxed, Date.now())
  } catch (error) {
    throw new CommandError(exitCode.keyMissing, `keys.boxed ${keysBoxed}: ${(error as Error).message}`)
  }
}

/** Warns when publicly known keys are trusted on an address that is not loopback. */
export function warnOfTool(
  { keysBoxed, httpHost }: { keysBoxed: string | undefined; httpHost: string },
  io: { stderr(text: string): void },
): void {
  const loopback =
    httpHost === 'localhost' || httpHost === '::1' || (isIP(httpHost) === 4 && httpHost.startsWith('127.'))
  if (keysBoxed === undefined || loopback) return
  io.stderr(
    `warning: the private keys of ${keysBoxed} are public: anybody who reaches ${httpHost} can send requests in the name of its Users\n`,
  )
}
