// DUIS response codes and their meanings.
//
// Codes up to E30 have a published meaning. For faults of the message itself (not well-formed, wrong signature, sent
// twice) DUIS has codes whose texts were not available: the ones chosen below are ASSUMPTIONS. They are marked 'M', shown
// as assumptions to users, and can be changed in the configuration (`faultCodesWith`).

/** V: seen in software or schema. S: stated by a named source. I: inferred from those. M: assumed. */
export type Confidence = 'V' | 'S' | 'I' | 'M'

export type ResponseCodeRow = { name: string; when: string; source: string; confidence: Confidence }

const list = 'published list of DCC Systems response codes, E30 and below'
const assumed = 'our assumption: the code exists in the DUIS XSD, its text was not available to us'

/** Every code sent by default. A code that the DUIS XSD does not enumerate would make the response invalid. */
export const responseCodes: Readonly<Record<string, ResponseCodeRow>> = {
  I0: row('Success', 'the request was executed', list, 'S'),
  I99: row('Acknowledgement', 'accepted and past access control; or done, with nothing to return', list, 'S'),
  E1: row('Invalid User or User Role', 'the originator is not a known party in any role', list, 'S'),
  E2: row('Invalid User Role for the Service Reference', 'no role of the originator may send this request', list, 'S'),
  E3: row('Invalid User Status', 'the originator may not send this request in its present status', list, 'S'),
  E4: row('Invalid User for the Device', 'not registered to the device for the dates requested', list, 'S'),
  E5: row('Invalid Device Status', 'the status of the device does not allow the request', list, 'S'),
  E11: row('Invalid request for the device type', 'the device, or this S1SP, does not support this request', list, 'S'),
  E12: row('Invalid Command Variant', 'the Command Variant does not go with the request', list, 'S'),
  E13: row('Invalid request type for the URL', 'sent to the wrong one of the three services', list, 'S'),
  E17: row('Not available for local command', 'a command for local delivery was asked for', list, 'S'),
  E19: row("Device doesn't exist", 'the target is not a known device', list, 'S'),
  E20: row('Unable to communicate', 'no session with the device could be set up', list, 'S'),
  E21: row('No response from the device', 'a session was set up, no answer came in time', list, 'S'),
  E30: row('Future-dated time-out', 'a future-dated request was not answered in time', list, 'S'),
  E31: row('Scheduled time-out', 'a DCC-scheduled read was not answered in time', assumed, 'M'),
  E40: row('Internal fault', 'the bridge itself failed', assumed, 'M'),
  E48: row('Not a valid message', 'too big, not XML, or not what the DUIS schema allows', assumed, 'M'),
  E49: row(
    'Contradictory message',
    'reference, variant and body disagree, the period ends before it starts, the execution date is out of range, ' +
      'ForSettlement does not go with the role, or the answer cannot fit boxed delivery',
    assumed,
    'M',
  ),
  E50: row('Request ID used before', 'the counter was seen already or is too old', assumed, 'M'),
  E050101: row('Not schedulable', 'the DCC cannot send this request to this device by schedule', assumed, 'M'),
  E050102: row('Schedule dates', 'a date of the schedule is past, or it would never run', assumed, 'M'),
  E050103: row('Schedule period', 'the period to be read does not begin before it ends', assumed, 'M'),
  E050105: row('Too many schedules', 'the User has 99 schedules for the device', assumed, 'M'),
  E050201: row('No such schedule', 'the User has no schedule with this id to read', assumed, 'M'),
  W050201: row('No schedules', 'the User has no schedule for the device to read', assumed, 'M'),
  E050301: row('No such schedule', 'the User has no schedule with this id to delete', assumed, 'M'),
  W050301: row('No schedules', 'the User has no schedule for the device to delete', assumed, 'M'),
  E080201: row('Nothing in the inventory', 'no device is found by what was given', assumed, 'M'),
  E100: row('Authentication failure', 'no signature, a wrong one, or not by the originator', assumed, 'M'),
}

function row(name: string, when: string, source: string, confidence: Confidence): ResponseCodeRow {
  return { name, when, source, confidence }
}

/** The faults that the bridge distinguishes, and the default response code of each. */
export const faultCodes = {
  unknownParty: 'E1',
  roleNotPermitted: 'E2',
  partyStatus: 'E3',
  notAuthorised: 'E4',
  deviceStatus: 'E5',
  notForDevice: 'E11',
  unsupportedBody: 'E11',
  commandVariant: 'E12',
  wrongService: 'E13',
  localDelivery: 'E17',
  unknownDevice: 'E19',
  unreachable: 'E20',
  noResponse: 'E21',
  futureDatedTimeout: 'E30',
  scheduledTimeout: 'E31',
  internal: 'E40',
  oversized: 'E48',
  malformed: 'E48',
  tooComplex: 'E48',
  schema: 'E48',
  unsupportedVersion: 'E48',
  mismatch: 'E49',
  period: 'E49',
  executionDate: 'E49',
  forSettlement: 'E49',
  tooLargeForBoxed: 'E49',
  replayed: 'E50',
  notSchedulable: 'E050101',
  scheduleDates: 'E050102',
  schedulePeriod: 'E050103',
  scheduleLimit: 'E050105',
  noScheduleToRead: 'E050201',
  noSchedulesToRead: 'W050201',
  noScheduleToDelete: 'E050301',
  noSchedulesToDelete: 'W050301',
  notInInventory: 'E080201',
  unsigned: 'E100',
  badSignature: 'E100',
  unknownSigner: 'E100',
  signerMismatch: 'E100',
  certificateDates: 'E100',
} as const satisfies Record<string, string>

export type Fault = keyof typeof faultCodes

/** Response code by fault. */
export type FaultCodes = Readonly<Record<Fault, string>>

/**
 * The default codes with the overrides of a configuration file: `{ replayed: 'E52' }`. An unknown fault, and a code that
 * the DUIS XSD does not have, are errors; `detail` names the first.
 */
export function faultCodesWith(
  overrides: Readonly<Record<string, string>>,
): { ok: true; codes: FaultCodes } | { ok: false; detail: string } {
  for (const [fault, code] of Object.entries(overrides)) {
    if (!Object.hasOwn(faultCodes, fault)) {
      return { ok: false, detail: `no fault is called "${fault}"; there are ${Object.keys(faultCodes).join(', ')}` }
    }
    if (!isResponseCode(code)) return { ok: false, detail: `"${code}" for ${fault} is no DUIS response code` }
  }
  return { ok: true, codes: { ...faultCodes, ...overrides } }
}

/** A code with the faults for which it is sent. `configured`: changed by a configuration file. */
export type SentCode = ResponseCodeRow & { code: string; faults: Fault[]; configured: boolean }

/**
 * Every code that can be sent, given the codes by fault. For a code that only the configuration file names, the meaning is
 * that of its faults.
 */
export function sentCodes(codes: FaultCodes): SentCode[] {
  const faultsOf = new Map<string, Fault[]>(successCodes.map((code) => [code, []]))
  for (const [fault, code] of Object.entries(codes) as [Fault, string][]) {
    faultsOf.set(code, [...(faultsOf.get(code) ?? []), fault])
  }
  const order = [...new Set([...Object.keys(responseCodes), ...faultsOf.keys()])]
  return order.flatMap((code) => {
    const faults = faultsOf.get(code)
    if (faults === undefined) return []
    const configured = faults.some((fault) => faultCodes[fault] !== code)
    const named = row('As configured', 'see the faults', 'the configuration file', 'M')
    return { code, ...(responseCodes[code] ?? named), faults, configured }
  })
}

/** Codes that are sent without a fault. */
export const successCodes = ['I0', 'I99'] as const

// Inclusive ranges of the number after 'E', from the DUIS XSD 5.1 to 5.4. Codes of requests out of scope are left out.
const errorRanges: readonly (readonly [number, number])[] = [
  [1, 5],
  [11, 13],
  [17, 17],
  [19, 21],
  [30, 31],
  [40, 71],
  [100, 100],
  [1000, 1001],
  [1003, 1004],
  [1006, 1008],
  [1010, 1011],
]
const otherCodes = new Set(
  (
    'I0 I99 E040101 E041701 E050101 E050102 E050103 E050105 E050107 E050108 E050109 E050110 E050111 E050112 ' +
    'E050201 E050202 W050201 E050301 E050302 W050301 E080201 E080202'
  ).split(' '),
)

/** True for a code that the DUIS XSD's ResponseCode allows for the requests in scope. */
export function isResponseCode(code: string): boolean {
  if (otherCodes.has(code)) return true
  if (!/^E[1-9]\d{0,3}$/.test(code)) return false
  const number = Number(code.slice(1))
  return errorRanges.some(([first, last]) => number >= first && number <= last)
}
