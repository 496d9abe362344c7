// Listens on a port; errors become messages for the user.

import type { Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { Server as TlsServer } from 'node:tls'
import { CommandError, exitCode } from '../state/errors.ts'

/** A port that another program has. */
export class PortTaken extends CommandError {}

/** Returns the URL, `http://127.0.0.1:8079`. @throws CommandError when the port cannot be used; `flag` chooses another */
export function listen(server: Server, host: string, port: number, flag: string): Promise<string> {
  return new Promise((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'EADDRINUSE') {
        const why = `${host}:${port} is taken by another program: stop it, or choose another port with ${flag}`
        reject(new PortTaken(exitCode.portUnavailable, why))
      } else {
        const why = `cannot listen on ${host}:${port}: ${error.message}`
        reject(new CommandError(exitCode.portUnavailable, why))
      }
    })
    server.listen(port, host, () => {
      const { address, port: bound, family } = server.address() as AddressInfo
      const scheme = server instanceof TlsServer ? 'https' : 'http'
      resolve(`${scheme}://${family === 'IPv6' ? `[${address}]` : address}:${bound}`)
    })
  })
}

/** Accepts no more connections and ends those that are open. */
export function closeServer(server: Server): void {
  server.close()
  server.closeAllConnections()
}
