// ForSettlement: which requests serve Market-wide Half-Hourly Settlement (MHHS). Their Target Response Time is 24 hours, and
// on-demand requests have priority over them.
//
// Table 6 of the SECMP0162 preliminary impact assessment says which roles set the flag. It was to be an optional attribute
// of Service Requests, and no published DUIS schema has it. A request serves settlement when an MDR sends it; when a
// supplier sends it whose row in the registry says so (`forSettlement`); or when it carries the attribute, which is
// accepted only by a bridge without a schema.

/** Table 6. Other roles never set the flag. */
export const forSettlement: { readonly [role: string]: 'always' | 'when solely for settlement' | 'never' } = {
  MDR: 'always',
  IS: 'when solely for settlement',
  ES: 'when solely for settlement',
  ED: 'never',
  GT: 'never',
  OU: 'never',
}

/** True for a role that may choose. */
export function choosesSettlement(role: string): boolean {
  return forSettlement[role] === 'when solely for settlement'
}

/**
 * Whether a request serves settlement, or a sentence that says why it may not carry the attribute. `roles`: the roles by
 * which the User may send it; `attribute`: its value in the request. Only the variants of table 2, which an MDR may send, can serve
 * settlement. `row` is that of the SRV table.
 */
export function servesSettlement(
  row: { readonly variant: string; readonly roles: readonly string[] },
  roles: readonly string[],
  user: { readonly forSettlement?: boolean },
  attribute: boolean | undefined,
): boolean | string {
  const isInTable = row.roles.includes('MDR')
  if (isInTable && roles.some((role) => forSettlement[role] === 'always')) return true
  if (isInTable && roles.some(choosesSettlement)) return attribute ?? user.forSettlement ?? false
  if (attribute !== true) return false
  return isInTable
    ? `ForSettlement is for IS, ES and MDR (table 6 of the impact assessment), not for ${roles.join(' ')}`
    : `ForSettlement is for what an MDR may send (table 2 of the impact assessment), not for ${row.variant}`
}
