// The call that begins a new life of a bench.

import { type Call, call, needed } from './call.ts'
import { decimal, instant, object, whole } from './shape.ts'

export const resetCalls: readonly Call[] = [
  call({
    name: 'reset',
    method: 'POST',
    path: '/reset',
    scope: 'test',
    summary:
      'begin a new life: what was registered, cached, undelivered, scheduled and wrong is as at the start of the bench',
    input: object({}),
    output: object({
      reset: whole(1, Number.MAX_SAFE_INTEGER, { description: 'counts the resets of this start' }),
      tookMs: decimal(0, 1e9),
      now: instant,
    }),
    async run({ reset, messages }) {
      const begin = needed(reset, 'only a bench of smets1 up is reset: this line may lead to a real meter')
      const done = await begin()
      messages.clear()
      return done
    },
  }),
]
