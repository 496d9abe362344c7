// User roles.

/** Import, export and gas supplier, registered supplier agent, electricity distributor, gas transporter, other, MDR. */
export const roles = ['IS', 'ES', 'GS', 'RSA', 'ED', 'GT', 'OU', 'MDR'] as const
export type Role = (typeof roles)[number]
