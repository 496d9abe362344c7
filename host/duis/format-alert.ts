// Device alerts of a SMETS1 device (DUIS XSD, SMETS1ResponseMessage with a DeviceAlertMessage inside).

import { formatDateTime } from './date-time.ts'
import { element, formatSmets1Message, type Smets1Message, type Smets1Signers } from './format.ts'
import type { RequestId } from './request.ts'

export interface DeviceAlert {
  /** At most 250 characters. */
  description: string
  atMs: number
  /** When supply was lost, and when it came back. */
  outage?: { fromMs: number; toMs: number }
}

/** Escapes `&`, `<` and `>`; no other character needs it in the text of an element. */
function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;')
}

/**
 * An alert to a User. It is not a response to a request, so there is no RequestID and no Service Reference, and the
 * ResponseID has its own counter. No GBCSHexAlertCode is sent: SMETS1 devices have no GBCS alert codes, and which one an
 * S1SP sends was not available. An outage has the payload of the MMC schema.
 */
export function formatDeviceAlert(
  alert: DeviceAlert,
  answer: Pick<Smets1Message, 'nowMs' | 'schemaVersion' | 'boxedCompat'> & Smets1Signers & { requestId: RequestId },
): string {
  if (alert.description.length > 250) throw new RangeError('a description has 250 characters at most')
  const { outage } = alert
  const payload =
    outage === undefined
      ? ''
      : element(
          'ra:Payload',
          element(
            'ra:SupplyOutageRestoreAlert',
            element('ra:interruptionValue', formatDateTime(outage.fromMs)) +
              element('ra:restorationValue', formatDateTime(outage.toMs)),
          ),
        )
  const content =
    element('ra:AlertDescription', escaped(alert.description)) +
    element('ra:Timestamp', formatDateTime(alert.atMs)) +
    payload
  return formatSmets1Message(
    { ...answer, code: 'I0' },
    element('sr:DeviceAlertMessage', element('ra:DeviceAlertContent', content)),
  )
}
