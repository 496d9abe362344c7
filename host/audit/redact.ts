// Removes MPANs and keys from what is logged. The MPAN of a request is in the audit trail, under the same RequestID.

/** Fields whose values are never logged. */
const secret: ReadonlySet<string> = new Set([
  ...['mpan', 'importMpan', 'exportMpan'],
  ...['key', 'keys', 'secret', 'password', 'privateKey', 'pem', 'certificate'],
])
/** Messages always write "MPAN" before an MPAN; thirteen digits alone may be the counter of a RequestID. */
const mpanInWords = /\b(MPAN )\d{13}\b/g
const pem = /-----BEGIN [A-Z ]+-----[\s\S]*?-----END [A-Z ]+-----/g
const hidden = '(redacted)'
const depthMax = 8

/** The value without MPANs and keys. What holds none is not copied: most of what is logged. */
export function redacted(value: unknown, depth = 0): unknown {
  if (typeof value === 'string') return redactedText(value)
  if (typeof value === 'bigint') return String(value)
  if (value instanceof Uint8Array) return `(${value.length} bytes)`
  if (typeof value !== 'object' || value === null) return value
  if (depth >= depthMax) return '(deeper)'
  return Array.isArray(value) ? redactedList(value, depth) : redactedFields(value, depth)
}

function redactedList(list: readonly unknown[], depth: number): unknown {
  let copy: unknown[] | undefined
  for (let i = 0; i < list.length; i++) {
    const one = redacted(list[i], depth + 1)
    if (one === list[i]) continue
    copy ??= [...list]
    copy[i] = one
  }
  return copy ?? list
}

function redactedFields(fields: object, depth: number): unknown {
  let copy: { [name: string]: unknown } | undefined
  for (const name of Object.keys(fields)) {
    const value = (fields as { [name: string]: unknown })[name]
    const one = secret.has(name) ? hidden : redacted(value, depth + 1)
    if (one === value) continue
    copy ??= { ...fields }
    copy[name] = one
  }
  return copy ?? fields
}

function redactedText(text: string): string {
  const shown = text.includes('MPAN ') ? text.replace(mpanInWords, `$1${hidden}`) : text
  return shown.includes('-----BEGIN') ? shown.replace(pem, hidden) : shown
}
