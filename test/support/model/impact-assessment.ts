// Tables of the SECMP0162 preliminary impact assessment about Service Requests, as they stand there, and the roles of the
// DUIS request matrix.

/** Table 2, Valid Service Requests for an MDR User: SR, on demand, DCC scheduled. Table 14 has the same two columns. */
export const table2: [string, boolean, boolean][] = [
  ['4.1.1', true, false],
  ['4.2', true, false],
  ['4.6.1', true, true],
  ['4.6.2', true, true],
  ['4.8.1', true, true],
  ['4.8.3', true, true],
  ['4.17', true, true],
  ['5.1', true, false],
  ['5.2', true, false],
  ['5.3', true, false],
  ['8.2', true, false],
]

/** Table 3, the SMETS1 columns, in seconds: existing scheduled, existing on demand, settlement scheduled, on demand. */
export const hours24 = 86400
/** Of 8.2 as note 4 to the table amends it. */
export const table3: { [variant: string]: (number | 'N/A')[] } = {
  '4.1.1': ['N/A', 16, 'N/A', hours24],
  '4.2': ['N/A', 16, 'N/A', hours24],
  '4.6.1': [hours24, 16, hours24, hours24],
  '4.6.2': ['N/A', 'N/A', 'N/A', 'N/A'],
  '4.8.1': [hours24, 16, hours24, hours24],
  '4.8.3': [hours24, 16, hours24, hours24],
  '4.17': ['N/A', 'N/A', 'N/A', 'N/A'],
  '5.1': ['N/A', hours24, 'N/A', hours24],
  '5.2': ['N/A', hours24, 'N/A', hours24],
  '5.3': ['N/A', hours24, 'N/A', hours24],
  '8.2': ['N/A', 30, 'N/A', 30],
}

/** Table 4, Service Requests applicable to each level of data granularity: half-hourly, daily, monthly. */
export const table4: { [variant: string]: boolean[] } = {
  '4.1.1': [true, true, true],
  '4.2': [true, true, true],
  '4.6.1': [true, true, false],
  '4.6.2': [true, true, false],
  '4.8.1': [true, false, false],
  '4.8.3': [true, false, false],
  '4.17': [true, true, false],
}

/** Table 6, usage of the flag ForSettlement by each kind of User. */
export const table6: { [role: string]: 'always' | 'when solely for settlement' | 'never' } = {
  MDR: 'always',
  IS: 'when solely for settlement',
  ES: 'when solely for settlement',
  ED: 'never',
  GT: 'never',
  OU: 'never',
}

/** Table 14, MDR User access: on demand, DCC scheduled, SMETS2 GBCS use case. */
export const table14: { [variant: string]: [boolean, boolean, string] } = {
  '4.1.1': [true, false, 'ECS17b'],
  '4.2': [true, false, 'ECS17a'],
  '4.6.1': [true, true, 'ECS21a'],
  '4.6.2': [true, true, 'ECS21c'],
  '4.8.1': [true, true, 'ECS22b'],
  '4.8.3': [true, true, 'ECS22a'],
  '4.17': [true, true, 'ECS66'],
  '5.1': [true, false, 'n/a'],
  '5.2': [true, false, 'n/a'],
  '5.3': [true, false, 'n/a'],
  '8.2': [true, false, 'n/a'],
}

/** Eligible User Roles of the DUIS request matrix for an ESME, without MDR, which that matrix does not know. */
export const eligible: { [variant: string]: string } = {
  '4.1.1': 'IS ED',
  '4.2': 'ES ED',
  '4.6.1': 'IS',
  '4.6.2': 'ES',
  '4.8.1': 'IS ED OU',
  '4.8.2': 'IS ED OU',
  '4.8.3': 'ES ED OU',
  '4.17': 'IS ED OU',
}
