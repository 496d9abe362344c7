// Which DCC alert code says what. The DUIS XSD enumerates the codes; their meanings were not available to us. Every
// choice below is an ASSUMPTION and can be changed by configuration (`alertCodes` in config.json).

/** Why the DCC tells a User something that it did not ask for. */
export const alertCodes = {
  /** DSPScheduleRemoval: another party is registered now. */
  changeOfSupplier: 'N6',
  /** The impact assessment says that an alert of its own may be needed; none is known, so it is that of a supplier. */
  changeOfMdr: 'N6',
  withdrawal: 'N4',
  decommissioning: 'N5',
  /** CommandFailure of a scheduled request. */
  scheduledFailure: 'N13',
} as const satisfies Record<string, string>

/** What each cause stands for, in words. */
export const alertMeanings: { readonly [cause in AlertCause]: string } = {
  changeOfSupplier: 'a schedule was removed: another supplier is registered now',
  changeOfMdr: 'a schedule was removed: another MDR is registered now',
  withdrawal: 'a schedule was removed: the device was withdrawn',
  decommissioning: 'a schedule was removed: the device was decommissioned',
  scheduledFailure: 'a scheduled request got no answer',
}

export type AlertCause = keyof typeof alertCodes
export type AlertCodes = Readonly<Record<AlertCause, string>>

/** True for a code of the DUIS XSD's DCCAlertCode (5.0 to 5.4): AD1, N1 to N65 without N32, N999. */
export function isAlertCode(code: string): boolean {
  if (code === 'AD1' || code === 'N999') return true
  const number = /^N([1-9]\d?)$/.exec(code)?.[1]
  return number !== undefined && Number(number) <= 65 && number !== '32'
}

/** The default codes with some replaced, as a configuration file gives them; the first wrong one is named. */
export function alertCodesWith(overrides: unknown): { ok: true; codes: AlertCodes } | { ok: false; detail: string } {
  if (overrides === undefined) return { ok: true, codes: alertCodes }
  if (typeof overrides !== 'object' || overrides === null || Array.isArray(overrides)) {
    return { ok: false, detail: `expected an object of ${Object.keys(alertCodes).join(', ')}` }
  }
  for (const [cause, code] of Object.entries(overrides)) {
    if (!Object.hasOwn(alertCodes, cause)) {
      return { ok: false, detail: `no cause is called "${cause}"; there are ${Object.keys(alertCodes).join(', ')}` }
    }
    if (typeof code !== 'string' || !isAlertCode(code)) {
      return { ok: false, detail: `${JSON.stringify(code)} for ${cause} is no DCC alert code` }
    }
  }
  return { ok: true, codes: { ...alertCodes, ...overrides } }
}
