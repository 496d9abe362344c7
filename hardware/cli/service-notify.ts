// Notifies systemd of the state of the meter or the bridge, if systemd started it (Type=notify, WatchdogSec).

import { spawn } from 'node:child_process'

export interface Service {
  /** It is ready. */
  ready(): void
  /** It is alive. May be called often; notifies systemd three times in each WatchdogSec. */
  alive(nowMs: number): void
  stopping(): void
}

/** Sends systemd one notification, in the form of `systemd-notify`. */
export type Tell = (words: string) => void

/**
 * By systemd's own tool, because Node has no datagram sockets of the kind that $NOTIFY_SOCKET is. It waits until systemd
 * has read (from version 246 on), so nothing is lost when it ends at once. The unit needs NotifyAccess=all.
 */
export function systemdNotify(env: NodeJS.ProcessEnv, failed: (why: string) => void): Tell {
  return (words) => {
    const child = spawn('systemd-notify', [words], { env, stdio: 'ignore' })
    child.on('error', (error) => failed(`systemd cannot be notified of ${words}: ${error.message}`))
  }
}

/** The notifications that systemd wants, by the environment; without it nothing is sent. */
export function createService(env: NodeJS.ProcessEnv, tell: Tell): Service {
  const isAsked = env.NOTIFY_SOCKET !== undefined && env.NOTIFY_SOCKET !== ''
  const watchdogMs = isAsked ? Number(env.WATCHDOG_USEC ?? 0) / 1000 : 0
  let lastMs = Number.NEGATIVE_INFINITY
  return {
    ready() {
      if (isAsked) tell('READY=1')
    },
    alive(nowMs) {
      if (!(watchdogMs > 0) || nowMs - lastMs < watchdogMs / 3) return
      lastMs = nowMs
      tell('WATCHDOG=1')
    },
    stopping() {
      if (isAsked) tell('STOPPING=1')
    },
  }
}
