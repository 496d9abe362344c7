// Where responses of a User go: a callback address in the registry, or the mailbox. How wrong values are shown in problems.

/** Address of responses to a User without a callback: they wait in the bridge until the User fetches them. */
export const mailboxAddress = 'mailbox:'

/** Where responses are sent to. */
export function responseAddress({ callback }: { callback?: string }): string {
  return callback ?? mailboxAddress
}

/**
 * Reads the URL to which responses are sent: https, or http to this machine. `allowHttp`: http to other machines, too.
 * The result is '' for a wrong one.
 */
export function readCallback(
  value: unknown,
  place: string,
  note: (place: string, problem: string) => void,
  allowHttp = false,
): string {
  const url = typeof value === 'string' && value.length <= 2048 && URL.canParse(value) ? new URL(value) : undefined
  const loopback = url !== undefined && /^(localhost|127\.\d+\.\d+\.\d+|\[::1\])$/.test(url.hostname)
  const plain = url !== undefined && url.username === '' && url.password === '' && url.hash === ''
  const allowed = url?.protocol === 'https:' || (url?.protocol === 'http:' && (loopback || allowHttp))
  if (!plain) note(place, `${shown(value)} is no URL without user, password and fragment`)
  else if (!allowed) {
    const http = url.protocol === 'http:' ? '; "allowHttpCallback": true in the row allows http to other machines' : ''
    note(place, `${shown(value)}: responses are sent by https, or by http to this machine (127.0.0.1)${http}`)
  }
  return plain && allowed ? url.href : ''
}

/** A wrong value, as a problem shows it. */
export function shown(value: unknown): string {
  if (value === undefined) return 'nothing'
  return typeof value === 'string' ? JSON.stringify(value.slice(0, 60)) : `a value of type ${typeof value}`
}
