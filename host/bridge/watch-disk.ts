// Notices when nothing can be kept on disk, says so once, and finds out when it can be kept again.

import type { BridgeEnv } from './env.ts'

const lookEveryMs = 1000

/** Why nothing can be kept: of the store, or of the files of keys. Undefined while all is well. */
export function diskTrouble({ store, outboxKeys, requestKeys }: BridgeEnv['disk']): string | undefined {
  return store.trouble() ?? outboxKeys.trouble() ?? requestKeys.trouble()
}

/** Looks once a second. While the store cannot be written no request is admitted; this finds out when it can be again. */
export function watchDisk({ disk, timing, log, lifecycle }: BridgeEnv): void {
  let known: string | undefined
  let timer = timing.after(lookEveryMs, look)
  lifecycle.own(() => timer.cancel())

  function look(): void {
    timer = timing.after(lookEveryMs, look)
    const trouble = diskTrouble(disk)
    if (trouble !== known) log('disk', { problem: trouble ?? 'none: everything can be kept again' })
    known = trouble
    if (trouble === undefined) return
    disk.outboxKeys.destroyAgain()
    disk.requestKeys.destroyAgain()
    disk.store.probe().catch(() => {})
  }
}
