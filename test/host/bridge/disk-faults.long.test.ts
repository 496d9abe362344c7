// A day of requests on a disk on which every nth write fails: nothing that was acknowledged is lost or accepted twice, and no
// request gets two different answers.

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import type { WriteFault } from '../../../emulation/killable-store.ts'
import { createBench } from '../../support/bench/checked-bench.ts'

const hourMs = 3_600_000

for (const how of ['refused', 'torn'] as const) {
  for (const nth of [2, 3, 5, 7, 11, 17, 29]) {
    test(`every ${nth}th write is ${how}`, async () => {
      const b = await createBench({ days: 2 })
      let writes = 0
      let faults = 0
      b.failWrites((): WriteFault => {
        writes += 1
        if (writes % nth !== 0) return undefined
        faults += 1
        return how
      })
      const acknowledged: string[] = []
      let refused = 0
      for (let hour = 0; hour < 24; hour++) {
        const signed = b.sign(b.request())
        const code = await b.post(signed).then(
          (answer) => answer.code,
          (error: Error) => error.message,
        )
        if (code === 'I99') acknowledged.push(signed)
        else {
          assert.match(code, /injected/)
          refused += 1
        }
        await b.clock.pass(hourMs)
      }
      b.failWrites(() => undefined)
      await b.clock.pass(hourMs)
      await b.kill()
      await b.clock.pass(hourMs)
      assert.ok(faults > 5, `${faults} writes failed, ${refused} requests were refused`)
      const answers = new Map<string, Set<string>>()
      for (const { xml, response } of b.callbacks) {
        const id = response.requestId?.text ?? ''
        answers.set(id, (answers.get(id) ?? new Set()).add(xml))
      }
      for (const [id, bodies] of answers) assert.is(bodies.size, 1, id)
      for (const signed of acknowledged) {
        const id = /RequestID>([^<]+)</.exec(signed)?.[1] ?? ''
        assert.ok(answers.has(id), `${id} is answered`)
        assert.is.not((await b.post(signed)).code, 'I99', `${id} was used`)
      }
    })
  }
}

test.run()
