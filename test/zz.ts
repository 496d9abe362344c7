import { bundleFirmware } from '../hardware/bundle.ts'
import { recordedDaysBefore } from './support/board-flash.ts'
import { commands, tryWithin } from './support/espruino-meter.ts'

const { code } = await bundleFirmware('linux')
const flash = recordedDaysBefore(Date.now(), 397, 13)
for (const v of process.argv[2]!.split(','))
  for (const c of process.argv[3] ? process.argv[3].split(',') : Object.keys(commands))
    console.log(v, c, await tryWithin(process.env.ESPRUINO_SMALL!, code, flash, 397, Number(v), [c]))
process.exit(0)
