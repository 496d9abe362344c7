// smets1 inventory: the devices of a premises, as a User (8.2).

import type { InventoryQuery } from '../duis/non-device-fields.ts'
import { readInventory } from '../duis/read-non-device.ts'
import { CommandError, exitCode } from '../state/errors.ts'
import { type Command, type Options, textOption } from './command.ts'
import { type DccClient, dccClient, dccOptions, showAnswer } from './dcc-client.ts'

function queryOf(options: Options, client: DccClient): InventoryQuery {
  const uprn = textOption(options, 'uprn')
  if (uprn !== undefined) {
    if (!/^[1-9]\d{0,11}$/.test(uprn)) throw new CommandError(exitCode.usage, `--uprn has 1 to 12 digits, not ${uprn}`)
    return { by: 'UPRN', uprn }
  }
  const postcode = textOption(options, 'postcode')
  const addressId = textOption(options, 'address')
  if (postcode !== undefined || addressId !== undefined) {
    if (postcode === undefined || addressId === undefined) {
      throw new CommandError(exitCode.usage, '--postcode and --address go together')
    }
    return { by: 'PropertyFilter', postcode, addressId }
  }
  const mpxn = textOption(options, 'mpan')
  return mpxn === undefined ? { by: 'DeviceID', eui: client.device() } : { by: 'MPxN', mpxn }
}

export const inventoryCommand: Command = {
  name: 'inventory',
  summary: 'list the devices of a premises as a User (8.2), by device, MPAN, UPRN or address',
  options: [
    'Which premises',
    ['--uprn <n>', 'the premises with this UPRN'],
    ['--postcode <code>', 'the premises with this postcode and --address'],
    ['--address <text>', 'address identifier in that postcode'],
    ...dccOptions,
  ],
  examples: ['smets1 inventory --as mdr --mpan 1234567890126', 'smets1 inventory --format csv'],
  async run(options, io) {
    const client = await dccClient(options, io)
    const answer = await client.ask({ variant: '8.2', inventory: queryOf(options, client) })
    const devices = answer.code === 'I0' ? readInventory(answer.message) : []
    if (typeof devices === 'string') throw new CommandError(exitCode.failed, `the answer cannot be read: ${devices}`)
    return showAnswer(answer, client, devices, options.explain === true, io)
  },
}
