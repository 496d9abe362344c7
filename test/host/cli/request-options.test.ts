import { test } from 'uvu'
import * as assert from 'uvu/assert'
import type { Registry } from '../../../host/access/parties.ts'
import { deviceOption } from '../../../host/cli/request-options.ts'
import { CommandError, exitCode } from '../../../host/state/errors.ts'
import { registryWith } from '../../support/bench/access-bench.ts'

const registry: Registry = registryWith([])

test('--device takes any EUI-64, in either case, and one that the registry does not know', () => {
  assert.is(deviceOption({ device: '00-db-12-34-56-78-90-ff' }, registry), '00-DB-12-34-56-78-90-FF')
})

test('--device that is not an EUI-64 is a usage error in one sentence', () => {
  for (const device of ['zz', '00-DB-12-34-56-78-90', '00DB1234567890A0', 7, true]) {
    const asked = () => deviceOption({ device }, registry)
    assert.throws(asked, (error: unknown) => {
      return error instanceof CommandError && error.exitCode === exitCode.usage && /^--device /.test(error.message)
    })
  }
})

test.run()
