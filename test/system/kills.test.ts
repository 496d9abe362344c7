// The bridge as a process, killed under load. `npm run bench -- kills` does the same three hundred times.

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { killBridge } from '../support/bench/kill-bench.ts'

test('killed at any moment: nothing accepted is lost or answered twice differently, and all of it is on record', async () => {
  const killed = await killBridge(10, 3)
  assert.ok(killed.accepted > 0, 'some requests were accepted')
  assert.equal(
    {
      lost: killed.lost,
      different: killed.different,
      unrecorded: killed.unrecorded,
      problem: killed.verdict.problem,
    },
    { lost: [], different: [], unrecorded: [], problem: undefined },
  )
  assert.ok(killed.verdict.ok)
})

test.run()
