// ForSettlement: which requests serve Market-wide Half-Hourly Settlement (MHHS). They have 24 hours, and go after what was
// asked for on demand.
//
// Table 6 of the SECMP0162 preliminary impact assessment says which roles set the flag. It was to be an optional attribute
// of Service Requests, and no published DUIS schema has it. So it comes in three ways: an MDR's requests always count; a
// supplier's do when its row in the registry says so (`forSettlement`), or when the request carries the attribute, which
// only a bridge without a schema lets through.

/** Table 6. Roles that are not here never set the flag. */
export const forSettlement: { readonly [role: string]: 'always' | 'when solely for settlement' | 'never' } = {
  MDR: 'always',
  IS: 'when solely for settlement',
  ES: 'when solely for settlement',
  ED: 'never',
  GT: 'never',
  OU: 'never',
}

/** True for a role that chooses. */
export function choosesSettlement(role: string): boolean {
  return forSettlement[role] === 'when solely for settlement'
}

/**
 * Whether a request of a User serves settlement, or a sentence on why it may not say that it does. `roles` are those by
 * which it may be sent, `asked` is the attribute of the request. Only the variants of table 2, which an MDR may send, can
 * serve settlement. `row` is that of the SRV table.
 */
export function servesSettlement(
  row: { readonly variant: string; readonly roles: readonly string[] },
  roles: readonly string[],
  user: { readonly forSettlement?: boolean },
  asked: boolean | undefined,
): boolean | string {
  const isInTable = row.roles.includes('MDR')
  if (isInTable && roles.some((role) => forSettlement[role] === 'always')) return true
  if (isInTable && roles.some(choosesSettlement)) return asked ?? user.forSettlement ?? false
  if (asked !== true) return false
  return isInTable
    ? `ForSettlement is for IS, ES and MDR (table 6 of the impact assessment), not for ${roles.join(' ')}`
    : `ForSettlement is for what an MDR may send (table 2 of the impact assessment), not for ${row.variant}`
}
