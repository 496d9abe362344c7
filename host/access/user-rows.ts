// Users as they are listed.

import type { Registry } from './parties.ts'

export interface UserRow {
  name: string
  eui: string
  /** Separated by spaces. */
  roles: string
  mpid: string
  status: string
  /** Its address, or `mailbox`. */
  callback: string
}

export function userRows({ users }: Pick<Registry, 'users'>): UserRow[] {
  return users.map(({ name, eui, roles, mpid, status, callback }) => {
    return { name, eui, roles: roles.join(' '), mpid: mpid ?? '', status, callback: callback ?? 'mailbox' }
  })
}
