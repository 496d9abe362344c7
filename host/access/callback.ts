// The callback address in the registry, and how wrong values are shown in problems.

/** Reads the URL to which responses are sent: https, or http to this machine. */
export function readCallback(value: unknown, place: string, note: (place: string, problem: string) => void): string {
  const url = typeof value === 'string' && value.length <= 2048 && URL.canParse(value) ? new URL(value) : undefined
  const loopback = url !== undefined && /^(localhost|127\.\d+\.\d+\.\d+|\[::1\])$/.test(url.hostname)
  const plain = url !== undefined && url.username === '' && url.password === '' && url.hash === ''
  const allowed = url?.protocol === 'https:' || (url?.protocol === 'http:' && loopback)
  if (!plain) note(place, `${shown(value)} is no URL without user, password and fragment`)
  else if (!allowed) note(place, `${shown(value)}: responses are sent by https, or by http to this machine (127.0.0.1)`)
  return plain && allowed ? url.href : ''
}

/** A wrong value, as a problem shows it. */
export function shown(value: unknown): string {
  if (value === undefined) return 'nothing'
  return typeof value === 'string' ? JSON.stringify(value.slice(0, 60)) : `a value of type ${typeof value}`
}
