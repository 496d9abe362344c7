// Calls that show what was received and sent.

import { parseRequest } from '../../duis/parse.ts'
import { parseResponse } from '../../duis/read-response.ts'
import { type Call, CallError, call } from './call.ts'
import type { Message } from './message-log.ts'
import { decimal, either, instant, listOf, object, oneOf, page, text, whole } from './shape.ts'

/** What can be read of a message's XML; nothing of what is no DUIS. */
interface Content {
  requestId?: string
  srv?: string
  /** Response code. */
  code?: string
  /** EUI-64 that is asked, or that answers. */
  device?: string
}

function readContent({ kind, xml }: Message): Content {
  if (kind === 'request') {
    const parsed = parseRequest(xml)
    const { requestId, serviceReferenceVariant: srv } = parsed.ok ? parsed.request : (parsed.header ?? {})
    return {
      ...(requestId && { requestId: requestId.text.toUpperCase(), device: requestId.target }),
      ...(srv && { srv }),
    }
  }
  const parsed = parseResponse(xml)
  if (!parsed.ok) return {}
  const { requestId, responseId, code, serviceReferenceVariant: srv } = parsed.response
  const id = requestId ?? responseId
  const device = requestId?.target ?? responseId?.originator
  return { ...(id && { requestId: id.text.toUpperCase() }), ...(device && { device }), ...(srv && { srv }), code }
}

/** Messages are read when they are first shown, not when they pass. */
const contents = new WeakMap<Message, Content>()

function contentOf(message: Message): Content {
  const content = contents.get(message) ?? readContent(message)
  contents.set(message, content)
  return content
}

const kinds = ['request', 'acknowledgement', 'response'] as const

const rowShape = {
  required: {
    number: whole(1, Number.MAX_SAFE_INTEGER),
    at: instant,
    kind: oneOf(kinds),
    address: text({ description: 'path of a request, address of a response' }),
    tookMs: decimal(0, Number.MAX_SAFE_INTEGER),
    outcome: either(whole(100, 599, { description: 'HTTP status' }), text({ description: 'what went wrong' })),
    bytes: whole(0, Number.MAX_SAFE_INTEGER),
  },
  optional: {
    requestId: text({ description: 'RequestID; of an alert or a schedule the ResponseID' }),
    srv: text(),
    code: text({ description: 'response code' }),
    device: text(),
  },
}

function rowOf(message: Message) {
  const { number, atMs, kind, address, tookMs, outcome, xml } = message
  const at = new Date(atMs).toISOString()
  return { number, at, kind, address, tookMs, outcome, bytes: xml.length, ...contentOf(message) }
}

const messagesCall = call({
  name: 'messages',
  method: 'GET',
  path: '/messages',
  scope: 'read',
  summary: 'messages between Users and the bridge, the newest first: the last 2,000 or 64 MB, in memory only',
  input: object(
    {},
    {
      limit: page.limit,
      before: whole(1, Number.MAX_SAFE_INTEGER, { description: 'only messages with a lower number' }),
      after: whole(0, Number.MAX_SAFE_INTEGER, { description: 'only messages with a higher number' }),
      kind: oneOf(kinds),
      requestId: text(),
      srv: text(),
      code: text(),
    },
  ),
  output: object({ messages: listOf(object(rowShape.required, rowShape.optional)) }),
  run({ messages }, { limit = 100, before = Number.POSITIVE_INFINITY, after = 0, kind, requestId, srv, code }) {
    const rows: ReturnType<typeof rowOf>[] = []
    const wanted = { requestId: requestId?.toUpperCase(), srv, code }
    for (const message of messages.all()) {
      if (rows.length >= limit || message.number <= after) break
      if (message.number >= before || (kind !== undefined && message.kind !== kind)) continue
      const content = contentOf(message)
      const fits = (['requestId', 'srv', 'code'] as const).every(
        (name) => wanted[name] === undefined || wanted[name] === content[name],
      )
      if (fits) rows.push(rowOf(message))
    }
    return { messages: rows }
  },
})

const messageCall = call({
  name: 'message',
  method: 'GET',
  path: '/messages/{number}',
  scope: 'read',
  summary: 'one message with its XML exactly as it was received or sent; with `accept: application/xml` the XML alone',
  isPersonal: () => true,
  input: object({ number: whole(1, Number.MAX_SAFE_INTEGER) }),
  output: object({ ...rowShape.required, xml: text({ maxLength: 16_777_216 }) }, rowShape.optional),
  run({ messages }, { number }) {
    const message = messages.get(number)
    if (message === undefined)
      throw new CallError(404, `there is no message ${number}: the last 2,000 or 64 MB are kept`)
    return { ...rowOf(message), xml: message.xml.toString('utf8') }
  },
})

export const messageCalls: readonly Call[] = [messagesCall, messageCall]
