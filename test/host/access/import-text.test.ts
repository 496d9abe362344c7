// Files of Users, devices and registrations are decoded by the functions that decode files of readings.

import { writeFileSync } from 'node:fs'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { readCsv, readTextFile } from '../../../hardware/cli/text-file.ts'
import { readImportFile } from '../../../host/access/import-rows.ts'
import { testIdentities } from '../../../host/pki/test-pki.ts'
import { freshPath } from '../../support/bench/cli.ts'

test('text is decoded as that of readings: UTF-16, windows-1252, CR, sep=, separators at the end', () => {
  const name = 'Énergie “Nord”'
  const rows = [
    'EUI-64,Name,MPID,Roles,Status,Callback',
    `${testIdentities.supplier.eui},${name},SUPA,IS,active,http://127.0.0.1:1/a`,
  ]
  const text = `${rows.join('\n')}\n`
  const utf16 = Buffer.from(text, 'utf16le')
  // Windows-1252 has its own quotation marks where ISO-8859-1 has controls.
  const windows = Buffer.from(text.replace('“', '\x93').replace('”', '\x94'), 'latin1')
  const forms = {
    'UTF-8': Buffer.from(text),
    'UTF-8 with a mark': Buffer.concat([Buffer.from([0xef, 0xbb, 0xbf]), Buffer.from(text)]),
    'UTF-16LE': utf16,
    'UTF-16LE with a mark': Buffer.concat([Buffer.from([0xff, 0xfe]), utf16]),
    'UTF-16BE with a mark': Buffer.concat([Buffer.from([0xfe, 0xff]), Buffer.from(utf16).swap16()]),
    'windows-1252': windows,
    CR: Buffer.from(rows.join('\r')),
    'CR LF': Buffer.from(rows.join('\r\n')),
    'sep=;': Buffer.from(['sep=;', ...rows].join('\r\n').replaceAll(',', ';')),
    'separators at the end': Buffer.from(rows.map((row) => `${row},`).join('\n')),
  }
  for (const [form, bytes] of Object.entries(forms)) {
    const path = freshPath()
    writeFileSync(path, bytes)
    const problems: string[] = []
    const { users } = readImportFile({ name: path, text: readTextFile(path, 10000) }, readCsv, problems)
    assert.equal(problems, [], form)
    assert.equal(
      users.map(({ row }) => row.name),
      [name],
      form,
    )
  }
})

test.run()
