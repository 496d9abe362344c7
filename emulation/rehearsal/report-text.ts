// The report of a rehearsal for people: tables, and bars for the hours of the day.

import { tableOf } from '../../host/cli/dcc-client.ts'
import type { CompletenessRow } from './completeness-report.ts'
import type { Report } from './report.ts'

type Row = { readonly [column: string]: string | number | undefined }

const barWidth = 40

/** A bar for each row, the longest of full width. */
export function bars(rows: readonly (readonly [label: string, value: number])[], unit = ''): string {
  const most = Math.max(...rows.map(([, value]) => value), 0)
  const width = Math.max(...rows.map(([label]) => label.length))
  return rows
    .map(([label, value]) => {
      const length = most === 0 ? 0 : Math.round((value / most) * barWidth)
      return `  ${label.padEnd(width)}  ${'█'.repeat(length).padEnd(barWidth)}  ${Number(value.toFixed(1))}${unit}\n`
    })
    .join('')
}

const percent = (part: number, whole: number) => (whole === 0 ? '–' : `${((100 * part) / whole).toFixed(2)} %`)

/** A part with its title; nothing when it has no rows. */
const part = (title: string, rows: readonly Row[]) => (rows.length === 0 ? '' : `\n${title}\n${tableOf(rows)}`)

function completenessRow({ kind, day, channel, wanted, delivered, runs }: CompletenessRow): Row {
  const reached = runs.map(({ name, date, share }) => [
    `${name}`,
    share === undefined ? `not before ${date}` : percent(share, 1),
  ])
  return {
    day: `${kind === 'utc' ? 'UTC' : 'Settlement'} ${day}`,
    channel,
    halfHours: wanted,
    'at the end': percent(delivered, wanted),
    ...Object.fromEntries(reached),
  }
}

/** Most days that are listed one by one. */
const daysListed = 40

function completenessPart(rows: readonly CompletenessRow[]): string {
  const listed = rows.slice(0, daysListed).map(completenessRow)
  const more = rows.length > daysListed ? `  and ${rows.length - daysListed} more: --json, --csv\n` : ''
  return part('Half-hours that settlement wants, delivered by its runs', listed) + more
}

function wanRows({ wan }: Report): Row[] {
  return wan.map((row) => ({
    cohort: row.cohort,
    meters: row.meters,
    'kB/month': row.kilobytesPerMeterMonth,
    'SMS/month': row.smsPerMeterMonth,
    'peak kbit/s': row.peakKilobitsPerSecond,
    'calls/s': row.peakApiCallsPerSecond,
    '/min': row.peakApiCallsPerMinute,
    '/h': row.peakApiCallsPerHour,
    'contexts at once': row.mostContextsAtOnce,
    'mean s': row.meanContextSeconds,
    'longest s': row.longestContextSeconds,
  }))
}

/** The report as text. */
export function reportText(report: Report): string {
  const { cache, dco, users } = report
  const whole = report.hours === report.days * 24
  const lines = [
    `${report.scenario}: ${report.summary}`,
    `${report.meters} meters, ${report.days} ${report.days === 1 ? 'day' : 'days'} from ${report.start}, seed ${report.seed}` +
      (whole ? '' : `; ended early, after ${report.hours} hours`),
  ]
  const requests = report.requests.map((row) => ({
    srv: row.srv,
    party: row.party,
    service: row.service,
    MHHS: row.settlement,
    requests: row.requests,
    'in time': row.inTime,
    late: row.late,
    failed: row.failed,
    refused: row.refused,
    'no meter read': row.saved,
    'mean s': Number(row.meanSeconds.toFixed(2)),
    'longest s': Number(row.longestSeconds.toFixed(1)),
  }))
  const hours = report.byHour.map(
    ({ hour, requests: count }) => [`${String(hour).padStart(2, '0')}:00`, count] as const,
  )
  const ages = cache.ageHours
    .filter(({ responses }) => responses > 0)
    .map(({ hours: age, responses }) => [`${age} h`, responses] as const)
  return [
    `${lines.join('\n')}\n`,
    part('Requests and responses', requests),
    `\nRequests by hour of the day, UTC (mean of the days)\n${bars(hours)}`,
    part('SMETS1 WAN, for each meter and month, and at its peak', wanRows(report)),
    `\nDevice reads ${report.deviceReads}; attempts of schedules that were tried again ${report.retries}; without an answer ${report.unanswered}\n`,
    `DCO calls ${dco.calls}, ${dco.callsPerDeviceRead} a device read, at most ${dco.peakCallsPerSecond} a second and ${dco.mostAtOnce} at once; ` +
      `mean ${Number(dco.meanSeconds.toFixed(2))} s, the longest ${Number(dco.longestSeconds.toFixed(1))} s, over 4 s ${dco.over4Seconds}\n`,
    `Cache: ${percent(cache.hitShare, 1)} of the half-hours without the meter, ${cache.deviceReadsSaved} device reads saved\n`,
    ages.length === 0 ? '' : `Age of what the cache answered, responses by hours\n${bars(ages)}`,
    part(
      'Sessions that waited for a limit',
      report.heldBack.map((row) => ({
        limit: row.limit,
        sessions: row.sessions,
        'mean s': Number(row.meanSeconds.toFixed(1)),
        'longest s': Number(row.longestSeconds.toFixed(1)),
      })),
    ),
    completenessPart(report.completeness),
    part(
      'Performance measures',
      report.performance.map(({ measure, what, answers, within }) => ({
        measure: `PM ${measure}`,
        what,
        answers,
        'in time': percent(within, answers),
      })),
    ),
    `\nResponses checked by Users: ${users.verified}${users.wrong.length === 0 ? ', nothing wrong' : ''}\n`,
    ...users.wrong.map((problem) => `  ${problem}\n`),
    '\nNotes\n',
    ...report.notes.map((note) => `  ${note}\n`),
  ].join('')
}
