// Totals as data and as text, for `smets1 stats`.

import { type Counts, savedOf, type Times, type Totals } from './event-totals.ts'

export interface Stats {
  requests: Counts
  answers: Counts
  late: Counts
  failures: Counts
  answerMs: { [srv: string]: { count: number; mean: number; max: number } }
  halfHours: Counts
  deliveries: Counts
  dropped: number
  deviceReads: number
  usage: Totals['usage']
  saved: { deviceReads: number; wakeUps?: number; sessions?: number; dcoCalls?: number; bytes?: number }
  /** Of a running bridge only. */
  now?: { unanswered: number; pending: number }
}

export function statsOf(totals: Totals): Stats {
  const { requests, answers, late, failures, halfHours, deliveries, dropped, deviceReads, usage, readsSaved } = totals
  const times = ({ count, sumMs, maxMs }: Times) => ({
    count,
    mean: Math.round(sumMs / Math.max(1, count)),
    max: maxMs,
  })
  const rounded = Object.entries(savedOf(totals) ?? {}).map(([name, number]) => [name, Math.round(number)])
  return {
    requests,
    answers,
    late,
    failures,
    answerMs: Object.fromEntries(Object.entries(totals.answerTimes).map(([srv, found]) => [srv, times(found)])),
    halfHours,
    deliveries,
    dropped,
    deviceReads,
    usage,
    saved: { deviceReads: readsSaved, ...Object.fromEntries(rounded) },
  }
}

export function textOfStats(stats: Stats): string {
  const { usage, saved, now } = stats
  const list = (counts: Counts) =>
    Object.entries(counts)
      .map(([names, number]) => `${names} ${number}`)
      .join(', ') || 'none'
  const times = Object.entries(stats.answerMs).map(
    ([srv, { mean, max }]) => `${srv} ${mean} ms on average, ${max} ms at most`,
  )
  const lines: [string, string][] = [
    ['requests', list(stats.requests)],
    ['answers', list(stats.answers)],
    ['late', list(stats.late)],
    ['reads failed', list(stats.failures)],
    ['time to answer', times.join('; ') || 'none'],
    ['half-hours', list(stats.halfHours)],
    ['deliveries', list(stats.deliveries)],
    [
      'device reads',
      `${stats.deviceReads}: ${usage.wakeUps} wake-ups, ${usage.sessions} sessions, ${usage.dcoCalls} DCO calls (${usage.dcoSlow} slow), ${usage.bytesOut + usage.bytesIn} bytes`,
    ],
    [
      'line',
      `${usage.asks} asks; ${usage.framesDropped} frames damaged, ${usage.framesRefused} refused, ${usage.notOpened} not opened`,
    ],
    ['reads saved', savedText(saved)],
  ]
  if (now !== undefined) lines.push(['now', `${now.unanswered} unanswered, ${now.pending} responses not delivered`])
  return `${lines.map(([name, text]) => `${name.padEnd(15)} ${text}`).join('\n')}\n`
}

function savedText({ deviceReads, wakeUps, sessions, dcoCalls, bytes }: Stats['saved']): string {
  if (wakeUps === undefined) return `${deviceReads}`
  const cost = `${wakeUps} wake-ups, ${sessions} sessions, ${dcoCalls} DCO calls, ${bytes} bytes`
  return `${deviceReads}: ${cost} (at the mean cost of the reads above)`
}
