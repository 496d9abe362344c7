// Removes MPANs and keys from what is logged. The MPAN of a request is in the audit trail, under the same RequestID.

/** Fields whose values are never logged. */
const secret = /^(mpan|importMpan|exportMpan|key|keys|secret|password|privateKey|pem|certificate)$/
/** Messages always write "MPAN" before an MPAN; thirteen digits alone may be the counter of a RequestID. */
const mpanInWords = /\b(MPAN )\d{13}\b/g
const pem = /-----BEGIN [A-Z ]+-----[\s\S]*?-----END [A-Z ]+-----/g
const hidden = '(redacted)'
const depthMax = 8

/** A copy without MPANs and keys. */
export function redacted(value: unknown, depth = 0): unknown {
  if (typeof value === 'string') return redactedText(value)
  if (typeof value === 'bigint') return String(value)
  if (value instanceof Uint8Array) return `(${value.length} bytes)`
  if (typeof value !== 'object' || value === null) return value
  if (depth >= depthMax) return '(deeper)'
  if (Array.isArray(value)) return value.map((one) => redacted(one, depth + 1))
  const copy: { [name: string]: unknown } = {}
  for (const [name, one] of Object.entries(value)) copy[name] = secret.test(name) ? hidden : redacted(one, depth + 1)
  return copy
}

function redactedText(text: string): string {
  const shown = text.includes('MPAN ') ? text.replace(mpanInWords, `$1${hidden}`) : text
  return shown.includes('-----BEGIN') ? shown.replace(pem, hidden) : shown
}
