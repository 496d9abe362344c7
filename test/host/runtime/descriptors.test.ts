// A bridge whose lines need more descriptors than there are says so at once.

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { checkDescriptors } from '../../../host/runtime/descriptors.ts'

const devices = (count: number, lines: number) => () =>
  Array.from({ length: count }, (_, i) => ({ line: `tcp://127.0.0.1:${7000 + (i % lines)}` }))

test('lines are counted, not devices; too many are refused with need, limit and fix', () => {
  checkDescriptors(5000, devices(5000, 100), 1024)
  checkDescriptors(768, devices(768, 768), 1024)
  let problem = new Error()
  try {
    checkDescriptors(5000, devices(5000, 769), 1024)
  } catch (error) {
    problem = error as Error
  }
  assert.match(problem.message, /on 769 lines.* needs 1025, .* allows it 1024\. .*ulimit -n 1025.*meter --fleet/)
  assert.is((problem as Error & { exitCode: number }).exitCode, 2)
})

test('with few devices they are not looked at', () => {
  const never = () => {
    throw new Error('looked at')
  }
  checkDescriptors(700, never, 1024)
})

test.run()
