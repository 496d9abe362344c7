// smets1 validate: looks at a state directory and says what is wrong, without starting anything.

import { checkRegistry } from '../access/parties.ts'
import { readConfig } from '../config/config.ts'
import { vaultProblems } from '../dco/vault.ts'
import { loadSchema } from '../duis/schema.ts'
import { signingToolOf } from '../pki/open-signing-tool.ts'
import { loadIdentity, loadTrust } from '../pki/test-pki.ts'
import { exitCode } from '../state/errors.ts'
import { readJson, stateOf, statePaths } from '../state/state-directory.ts'
import { type Command, textOption } from './command.ts'

export const validateCommand: Command = {
  name: 'validate',
  summary: 'check the state directory, its configuration, registry and keys',
  options: [
    ['--state <dir>', 'the state directory', '.smets1'],
    ['--json', 'the problems as JSON'],
  ],
  examples: ['smets1 validate --state .smets1'],
  async run(options, io) {
    const paths = statePaths(textOption(options, 'state') ?? '.smets1')
    const problems: string[] = []
    /** Copies of the user's own that are there, and what they are. */
    const found: string[] = []
    const look = (what: () => void) => {
      try {
        what()
      } catch (error) {
        problems.push((error as Error).message)
      }
    }
    look(() => {
      if (stateOf(paths) === 'absent') throw new Error(`${paths.root} is not there: smets1 up makes it`)
      look(() => {
        const config = readConfig(paths.config, io.env, {})
        look(() => {
          if (config.schema !== undefined)
            found.push(`schema ${config.schema}: ${loadSchema(config.schema).versions.join(', ')}`)
        })
        look(() => {
          const tool = signingToolOf(config)
          if (tool === undefined) return
          found.push(`signing tool ${config.keysBoxed}: ${tool.signers.length} certificates, DSP ${tool.dsp.name}`)
        })
      })
      look(() => {
        const checked = checkRegistry(readJson(paths.registry))
        if (!checked.ok) problems.push(...checked.problems.map((problem) => `${paths.registry}: ${problem}`))
      })
      look(() => problems.push(...vaultProblems(paths.vault)))
      look(() => void loadTrust(paths.pki))
      for (const name of ['dsp', 's1sp']) look(() => void loadIdentity(paths.pki, name))
    })
    if (options.json === true) io.stdout(`${JSON.stringify({ ok: problems.length === 0, problems, found })}\n`)
    else if (problems.length === 0) io.stdout([`${paths.root} is in order`, ...found, ''].join('\n'))
    else for (const problem of problems) io.stdout(`${problem}\n`)
    return problems.length === 0 ? exitCode.ok : exitCode.usage
  },
}
