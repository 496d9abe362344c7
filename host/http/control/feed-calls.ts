// Registration messages, as `smets1 feed send` sends them.

import { messageSchema } from '../../feed/message.ts'
import { type Call, call, needed } from './call.ts'
import { anyObject, listOf, object } from './shape.ts'

/** Messages of one call. */
const messagesMax = 5_000

export const feedCalls: readonly Call[] = [
  call({
    name: 'registrations',
    method: 'POST',
    path: '/registrations',
    scope: 'feed',
    summary:
      "apply registration messages, each once and in their order; answers what each changed, or why not (the DCC's outcome)",
    bodyBytesMax: 64 * 1024 * 1024,
    input: object({ messages: listOf(anyObject(messageSchema), { minItems: 1, maxItems: messagesMax }) }),
    output: object({ answers: listOf(anyObject()) }),
    async run({ feed }, { messages }) {
      const { apply } = needed(feed, 'this bench has no registry that messages could change')
      return { answers: (await apply(messages)).map((answer) => ({ ...answer })) }
    },
  }),
]
