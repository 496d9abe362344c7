// What `smets1 doctor` finds at the other end of a tcp:// line before anything is sent: a serial-to-network server must pass bytes
// on as they are.

import type { LineTraffic } from '../wan/diagnosis.ts'
import type { Line } from '../wan/serial-line.ts'
import { noUsage } from '../wan/usage.ts'
import type { Finding } from './port-findings.ts'

/** How long the other end is listened to, milliseconds. A meter says nothing before it is woken. */
const listenMs = 500

/** Telnet (RFC 854): IAC, then WILL, WONT, DO or DONT, then an option, of which 49 are in use. */
function negotiations(sample: readonly number[]): number {
  let found = 0
  for (const [i, byte] of sample.entries()) {
    const [command = 0, option = 255] = [sample[i + 1], sample[i + 2]]
    if (byte === 0xff && command >= 0xfb && command <= 0xfe && option <= 49) found += 1
  }
  return found
}

const shownMax = 60

function textOf(sample: readonly number[]): string {
  return Buffer.from(sample).toString('latin1')
}

/** What another end has sent by itself. `isOpen`: whether the connection still stands. */
export function greetingFinding({ bytes, frames, sample }: LineTraffic, isOpen: boolean): Finding | undefined {
  const options = negotiations(sample)
  if (options > 0 && frames === 0) {
    const found = `the other end speaks telnet: it begins with ${options} negotiation${options === 1 ? '' : 's'} of options`
    const fix =
      'make the port raw: telnet doubles bytes of 255 and takes some out. ser2net: accepter tcp,PORT without telnet(…); terminal servers: protocol raw TCP'
    return { check: 'port', state: 'wrong', text: found, fix }
  }
  const words = textOf(sample)
    .replace(/[^\x20-\x7e]+/g, ' ')
    .trim()
  if (!isOpen) {
    const said = words.length < 4 ? '' : `; it says "${words.slice(0, shownMax)}"`
    const fix =
      'a serial server takes one client: is a bridge connected; is the device behind it there; an SSH tunnel or a proxy closes like this when it cannot reach its target'
    return { check: 'port', state: 'wrong', text: `the other end accepts the connection and closes it${said}`, fix }
  }
  if (frames > 0 || bytes === 0) return undefined
  if (words.length >= 4 && words.length >= bytes / 2) {
    const found = `the other end greets with a text: "${words.slice(0, shownMax)}"`
    const fix =
      'switch the banner of the port off (ser2net: take banner: out); it must pass on the bytes of the line alone'
    return { check: 'port', state: 'warning', text: found, fix }
  }
  const found = `${bytes} bytes come before anything was asked, and no frame`
  const fix =
    'is another program using the line behind this port; has the port the speed of the meter (--baud is not passed on over TCP)'
  return { check: 'port', state: 'warning', text: found, fix }
}

/** Connects, and listens for what the other end sends by itself. @throws PortError */
export async function socketFindings(line: Line): Promise<Finding[]> {
  try {
    return await line.use(noUsage(), async (turn) => {
      await turn.receive(listenMs)
      const found = greetingFinding(turn.traffic, turn.open())
      return found === undefined ? [] : [found]
    })
  } finally {
    await line.close()
  }
}

/** The connection stands and nothing comes back. */
export function silentSocket(who: string): Finding {
  const text = `the connection stands, and nothing comes back from ${who}`
  const fix =
    'the server is there; the line behind it is silent, or the link is half-open (a NAT or firewall in between has forgotten it). At the server: is the port open and of the speed of the meter, is the meter powered, TX to RX and RX to TX'
  return { check: 'meter', state: 'wrong', text, fix }
}
