// What settlement needs of a meter at each level of consent (requirement 5 and table 4 of the impact assessment; design
// assumption DA11: export is always half-hourly). SMETS1 has no export daily read log (4.6.2).

import type { AskText } from './scenario-text.ts'

/**
 * Half-hourly: the half-hours of a day each day and registers once a month. Daily: the daily read log each day. Monthly:
 * registers once a month. What exports: its half-hours each day and registers once a month.
 */
export function settlementAsks({ set: _, of = [], ...rest }: AskText): AskText[] {
  const { every: _every, as, ...where } = rest
  const daily = { ...where, ...(as !== undefined && { as }), every: 'day' } as const
  // Registers cannot be scheduled (table 2), and are read when the User asks.
  const { period: _period, ...registers } = { ...where, every: 'month', as: 'on-demand' } as const
  return [
    { ...daily, srv: '4.8.1', of: [...of, 'half-hourly'] },
    { ...daily, srv: '4.6.1', of: [...of, 'daily'] },
    { ...daily, srv: '4.8.3', of: [...of, 'export'] },
    { ...registers, srv: '4.1.1', of: [...of, 'half-hourly'] },
    { ...registers, srv: '4.1.1', of: [...of, 'monthly'] },
    { ...registers, srv: '4.2', of: [...of, 'export'] },
  ]
}
