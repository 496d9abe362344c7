// Messages for a collector that runs: files in a directory, each with its answer beside it once it is applied.
//
// A message is applied again when the process was killed before its file was gone: the same message twice changes nothing.

import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { writeFileWhole } from '../state/state-directory.ts'
import { type AgentAnswer, type AgentMessage, applyMessage, isAgentMessage } from './messages.ts'
import type { Agreement } from './portfolio.ts'

/** Puts a message where the collector finds it. Names sort in the order in which they were sent. */
export function leaveMessage(inbox: string, message: AgentMessage, place: string): void {
  mkdirSync(inbox, { recursive: true, mode: 0o700 })
  writeFileWhole(join(inbox, `${place}-${message.correlationId}.json`), `${JSON.stringify(message)}\n`)
}

interface InboxParts {
  inbox: string
  answers: string
  agreements(): Iterable<Agreement>
  /** Takes an agreement: resolves when it is on disk. */
  take(agreements: readonly Agreement[]): Promise<void>
  /** What is kept of the UTC days that an IF-065 asks for. */
  consumption(mpan: string, fromDate: string, toDate: string): unknown
  answered(answer: AgentAnswer): void
}

/** Applies every message that waits, in order. */
export async function applyMessages({
  inbox,
  answers,
  agreements,
  take,
  consumption,
  answered,
}: InboxParts): Promise<void> {
  if (!existsSync(inbox)) return
  for (const name of readdirSync(inbox).sort()) {
    if (!name.endsWith('.json')) continue
    const path = join(inbox, name)
    const message: unknown = JSON.parse(readFileSync(path, 'utf8'))
    if (isAgentMessage(message)) {
      const { answer, agreement } = applyMessage(message, [...agreements()])
      if (agreement !== undefined) await take([agreement])
      const { interfaceId, mpanCore, fromDate = '', toDate = '' } = message
      const isRead = interfaceId === 'IF-065' && answer.outcome === 'Accepted'
      const data = isRead ? { consumption: consumption(mpanCore, fromDate, toDate) } : {}
      mkdirSync(answers, { recursive: true, mode: 0o700 })
      writeFileWhole(join(answers, `${message.correlationId}.json`), `${JSON.stringify({ ...answer, ...data })}\n`)
      answered(answer)
    }
    rmSync(path)
  }
}
