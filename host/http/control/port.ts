// The port of the control API.

import type { Server } from 'node:http'
import type { ReportSecurity } from '../../state/security-event.ts'
import { listen, PortTaken } from '../listen.ts'

export const loopback = '127.0.0.1'

/** The port where none is configured, and how many are tried from there on. */
export const controlPort = { first: 8080, tries: 100 }

export interface ControlOptions {
  port: number
  /** Whether the next free port is taken when this one is not free. */
  mayMove: boolean
  /** Where address and tokens are published. */
  directory: string
  /** Takes calls that were refused, for protective monitoring. */
  report?: ReportSecurity
}

/** @throws CommandError when no port can be had */
export async function bind(server: Server, { port, mayMove }: ControlOptions): Promise<string> {
  const last = mayMove ? Math.min(65_535, port + controlPort.tries - 1) : port
  for (let tried = port; ; tried++) {
    try {
      return await listen(server, loopback, tried, '--console-port')
    } catch (error) {
      if (!(error instanceof PortTaken) || tried >= last) throw error
    }
  }
}
