// A meter put onto a real Espruino by `smets1 flash`, its console at the speed of a serial port. ESPRUINO names it.

import { join } from 'node:path'
import { finished, freshPath } from '../support/bench/cli.ts'
import { espruinoConsole } from '../support/espruino/interpreter-console.ts'
import { hasSocat } from '../support/left-out.ts'
import type { Bench, Row } from './row.ts'

const eui = '00-DB-12-34-56-78-90-A0'

async function must(args: string[]): Promise<string> {
  const { code, out, err } = await finished(args)
  if (code !== 0) throw new Error(`smets1 ${args[0]}: ${err}`)
  return out
}

export const flash: Bench = async (note) => {
  const { ESPRUINO } = process.env
  if (!hasSocat || ESPRUINO === undefined) {
    note('left out: it needs socat, and ESPRUINO to name an interpreter')
    return []
  }
  const rows: Row[] = []
  const row = (name: string, value: number, unit: string) => rows.push({ bench: 'flash', name, value, unit })
  for (const baud of [115200, 9600]) {
    const state = freshPath()
    await must(['provision', '--state', state, '--eui', eui, '--register', 'IS=SUPA'])
    const settings = join(state, 'meters', `${eui}.settings.json`)
    const board = await espruinoConsole(ESPRUINO, baud)
    try {
      const to = ['flash', '--board', 'linux', '--port', board.console, '--baud', `${baud}`, '--state', state, '--json']
      const first = JSON.parse(await must([...to, '--settings', settings]))
      row(`script at ${baud} baud`, first.scriptBytes, 'bytes')
      row(`all that its console was sent, at ${baud} baud`, board.sentBytes(), 'bytes')
      row(`blank board to a meter, at ${baud} baud`, first.seconds, 's')
      row(`its first read, through the console at ${baud} baud`, first.first.answeredMs, 'ms')
      if (baud === 115200) {
        const again = JSON.parse(await must(to))
        row(`the same again: looked through and read back, at ${baud} baud`, again.seconds, 's')
        row('variables free with the meter running', again.variablesFree, '')
      }
    } finally {
      await board.end()
    }
  }
  return rows
}
