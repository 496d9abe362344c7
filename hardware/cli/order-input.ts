// Orders of the program that has started this meter, on standard input: one JSON object a line.

import { createInterface } from 'node:readline'
import { type MeterOrder, readOrder } from '../emulator/meter-orders.ts'
import type { Io } from './io.ts'

/** Each order that was carried out is answered with a line of JSON, `{ "done": "cut" }`. */
export function ordersOnInput(io: Io): (take: (order: MeterOrder) => void) => void {
  return (take) => {
    createInterface({ input: process.stdin }).on('line', (line) => {
      const order = readOrder(line)
      // The line is not shown: it may hold a key.
      if (order === undefined) return io.stderr('a line on standard input is no order, and was passed over\n')
      take(order)
      io.stdout(`${JSON.stringify({ done: order.order })}\n`)
    })
  }
}
