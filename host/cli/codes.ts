// smets1 codes: every code that this bridge can send, when, and how sure that is.

import { alertCodes, alertMeanings } from '../catalogue/alert-code.ts'
import { type SentCode, sentCodes } from '../catalogue/response-code.ts'
import { readConfig } from '../config/config.ts'
import { errorTable, exitCode } from '../state/errors.ts'
import { stateOf, statePaths } from '../state/state-directory.ts'
import { type Command, textOption } from './command.ts'

const confidences = 'V seen in software or schema, S stated by a named source, I inferred, M assumed'

function linesOf({ code, name, when, source, confidence, faults, configured }: SentCode): string {
  const of = faults.length === 0 ? '' : `\n           faults: ${faults.join(', ')}`
  const origin = configured ? `${source}; given by the configuration file` : source
  return `${code.padEnd(8)} ${confidence} ${name}: ${when}${of}\n           source: ${origin}\n`
}

export const codesCommand: Command = {
  name: 'codes',
  summary: 'list every response code and DCC alert code that the bridge can send, with its source and confidence',
  options: [
    ['--state <dir>', 'the state directory; its config.json may give other codes', '.smets1'],
    ['--json', 'the codes as JSON'],
  ],
  examples: ['smets1 codes', 'smets1 codes --json | jq -r \'.responses[] | select(.confidence == "M").code\''],
  async run(options, io) {
    const paths = statePaths(textOption(options, 'state') ?? '.smets1')
    // Without a bench they are the codes of a new one.
    const config = readConfig(stateOf(paths) === 'absent' ? '' : paths.config, io.env, {})
    const responses = sentCodes(config.codes)
    const causes = Object.keys(alertCodes) as (keyof typeof alertCodes)[]
    const alerts = causes.map((cause) => {
      const code = config.alertCodes[cause]
      return { code, cause, when: alertMeanings[cause], confidence: 'M', configured: code !== alertCodes[cause] }
    })
    const errors = Object.entries(errorTable).map(([code, row]) => ({ code, ...row }))
    if (options.json === true) io.stdout(`${JSON.stringify({ responses, alerts, errors })}\n`)
    else {
      io.stdout(`Response codes (${confidences})\n`)
      for (const row of responses) io.stdout(linesOf(row))
      io.stdout('\nDCC alert codes: the DUIS schema lists them, no source that we have says what each means\n')
      for (const { code, cause, when, confidence, configured } of alerts) {
        io.stdout(
          `${code.padEnd(8)} ${confidence} ${when}${configured ? ' (configured)' : ''}\n           cause: ${cause}\n`,
        )
      }
      io.stdout('\nErrors that end a command, by exit code\n')
      for (const { code, meaning, fix, exitCode: status } of errors) {
        io.stdout(`${String(status).padEnd(8)} ${code}: ${meaning}\n           ${fix}\n`)
      }
      io.stdout(
        '\nconfig.json changes them: { "codes": { "replayed": "E52" }, "alertCodes": { "changeOfMdr": "N7" } }\n',
      )
    }
    return exitCode.ok
  },
}
