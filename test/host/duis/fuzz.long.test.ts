// More of the attacked messages of fuzz.test.ts, by other seeds. The bench "xml" takes 100,000.

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { fuzzXml } from '../../support/attacks/xml-fuzz.ts'

test('20,000 attacked messages: none throws, and none is accepted that differs from what was signed or that another reader refuses', () => {
  const { problems } = fuzzXml(100_000, 20_000, 25)
  const shown = problems.map(
    ({ seed, problem, attack }) => `${problem} (${attack}; SEED=${seed} COUNT=1 npm run bench -- xml)`,
  )
  assert.equal(shown, [])
})

test.run()
