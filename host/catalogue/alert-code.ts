// DCC alert codes. The DUIS XSD enumerates the codes; their meanings were not available. Every choice below is an
// ASSUMPTION and can be changed in the configuration (`alertCodes` in config.json).

/** The causes of alerts, and the code of each. */
export const alertCodes = {
  /** DSPScheduleRemoval: another party is registered now. */
  changeOfSupplier: 'N6',
  /** The impact assessment says that this may need its own code; none is known, so the code is that of a supplier change. */
  changeOfMdr: 'N6',
  withdrawal: 'N4',
  decommissioning: 'N5',
  /** CommandFailure of a scheduled request. */
  scheduledFailure: 'N13',
} as const satisfies Record<string, string>

/** The meaning of each cause. */
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

/** The default codes with the overrides of a configuration file; `detail` names the first wrong one. */
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
