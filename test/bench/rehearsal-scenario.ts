// The scenario of the bench "rehearsal": two parties read every meter half-hourly, one 4.8.1 a meter, party and day, and one
// 4.8.3 where it exports.

import type { ScenarioText } from '../../emulation/rehearsal/scenario-text.ts'

export function twoParties(meters: number, days: number): ScenarioText {
  const asks = [{ srv: '4.8.1' }, { srv: '4.8.3', of: ['export'] }]
  return {
    name: 'two-parties',
    days,
    population: { meters, export: 0.3 },
    parties: [
      { name: 'supplier', role: 'supplier', forSettlement: true, asks },
      { name: 'mdr', role: 'MDR', asks },
    ],
  }
}
