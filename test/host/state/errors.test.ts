// The table of errors: exit codes agree with the help, and each error of the program ends a command with its code.

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { codesCommand } from '../../../host/cli/codes.ts'
import { commandHelp } from '../../../host/cli/help.ts'
import { CommandError, ConfigurationError, errorTable, exitCode, ProgramError } from '../../../host/state/errors.ts'
import { RecordingError } from '../../../host/trace/pcapng-read.ts'
import { PortError } from '../../../host/wan/bindings.ts'

test('the help of every command lists exactly the exit codes of the table', () => {
  const help = commandHelp(codesCommand).replace(/\s+/g, ' ')
  const line = help.slice(help.indexOf('Exit codes:'))
  const listed = [...line.matchAll(/\b(\d+) /g)].map(([, code]) => Number(code))
  const codes = new Set([0, ...Object.values(errorTable).map((row) => row.exitCode)])
  assert.equal(listed, [...codes])
  assert.equal([...new Set(Object.values(exitCode))], listed)
})

test('each error has the exit code of its row and its message', () => {
  const errors: [ProgramError, number][] = [
    [new CommandError(exitCode.timedOut, 'why'), 124],
    [new ConfigurationError('why'), 2],
    [new PortError('why'), 20],
    [new RecordingError('why'), 2],
  ]
  for (const [error, code] of errors) {
    assert.ok(error instanceof ProgramError)
    assert.is(error.exitCode, code)
    assert.is(error.message, 'why')
  }
})

test('every row says what it means and what to do', () => {
  for (const [code, { meaning, fix }] of Object.entries(errorTable)) {
    assert.ok(meaning.length > 10 && fix.length > 10, code)
  }
})

test.run()
