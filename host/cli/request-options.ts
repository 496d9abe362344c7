// Options that name the User, the meter and the window.

import type { Device, Registry, User } from '../access/parties.ts'
import { firstDevice } from '../access/registry-rows.ts'
import { parseEui } from '../duis/request.ts'
import { CommandError, exitCode } from '../state/errors.ts'
import { type Options, textOption } from './command.ts'

/** An instant as it is typed: `2026-11-21` (its 00:00Z) or `2026-11-21T10:30Z`. @throws CommandError */
export function instantOption(options: Options, name: string, otherwise: number): number {
  const text = textOption(options, name)
  if (text === undefined) return otherwise
  const zoned = /^\d{4}-\d{2}-\d{2}(T\d{2}:\d{2}(:\d{2})?)?$/.test(text)
    ? `${text}${text.includes('T') ? 'Z' : ''}`
    : text
  const atMs = /^\d{4}-\d{2}-\d{2}/.test(text) ? Date.parse(zoned) : Number.NaN
  if (Number.isNaN(atMs)) {
    throw new CommandError(
      exitCode.usage,
      `--${name} is a date (2026-11-21, its 00:00Z) or an instant (2026-11-21T10:30Z), not ${text}`,
    )
  }
  return atMs
}

/** The User that `--as` names. @throws CommandError */
export function userOption(options: Options, registry: Registry): User {
  const as = textOption(options, 'as') ?? 'supplier'
  const user = registry.users.find((one) => one.name === as || one.eui === as.toUpperCase())
  if (user !== undefined) return user
  const names = registry.users.map((one) => one.name).join(', ')
  throw new CommandError(exitCode.usage, `--as: no User is called ${as}; there are ${names}`)
}

/** An EUI-64 as it is written for an option. @throws CommandError */
export function euiOf(text: string, name: string): string {
  const eui = parseEui(text)
  if (eui !== undefined) return eui
  throw new CommandError(exitCode.usage, `--${name} is an EUI-64 such as 00-DB-12-34-56-78-90-A0, not ${text}`)
}

/** The EUI-64 that an option names, if it is given. @throws CommandError */
export function euiOption(options: Options, name: string): string | undefined {
  const text = textOption(options, name)
  return text === undefined ? undefined : euiOf(text, name)
}

/** The EUI-64 to ask. It need not be in the registry: the bridge decides. */
export function deviceOption(options: Options, registry: Registry): string {
  const eui = euiOption(options, 'device')
  if (eui !== undefined) return eui
  const mpan = textOption(options, 'mpan')
  const device: Device | undefined = mpan === undefined ? firstDevice(registry) : registry.deviceByMpan(mpan)
  if (device !== undefined) return device.eui
  throw new CommandError(
    exitCode.usage,
    mpan === undefined ? 'the registry has no device' : `no device has the MPAN ${mpan}`,
  )
}
