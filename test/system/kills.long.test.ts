// The bridge as a process, killed under load: forty times by each of two seeds. The bench "kills" does it three hundred times.

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { killBridge } from '../support/bench/kill-bench.ts'

for (const seed of [4, 5]) {
  test(`killed forty times, seed ${seed}: nothing accepted is lost or answered twice differently, and all is on record`, async () => {
    const { accepted, lost, different, unrecorded, verdict } = await killBridge(40, seed)
    assert.ok(accepted > 0, 'some requests were accepted')
    const { ok, problem } = verdict
    assert.equal(
      { lost, different, unrecorded, ok, problem },
      { lost: [], different: [], unrecorded: [], ok: true, problem: undefined },
    )
  })
}

test.run()
