// Tells systemd how the meter, or the bridge, is, when systemd started it (Type=notify, WatchdogSec).

import { spawn } from 'node:child_process'

export interface Service {
  /** It serves. */
  ready(): void
  /** It has just worked. Called as often as it does; tells systemd three times in each WatchdogSec. */
  alive(nowMs: number): void
  stopping(): void
}

/** Tells systemd one thing, as `systemd-notify` takes it. */
export type Tell = (words: string) => void

/**
 * By systemd's own tool, because Node has no datagram sockets of the kind that $NOTIFY_SOCKET is. It waits until systemd
 * has read (from version 246 on), so nothing is lost when it ends at once. The unit needs NotifyAccess=all.
 */
export function systemdNotify(env: NodeJS.ProcessEnv, failed: (why: string) => void): Tell {
  return (words) => {
    const child = spawn('systemd-notify', [words], { env, stdio: 'ignore' })
    child.on('error', (error) => failed(`systemd cannot be told ${words}: ${error.message}`))
  }
}

/** What systemd asked for in the environment; without it nothing is told. */
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
