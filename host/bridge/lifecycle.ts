// What must be closed, closed in the reverse of the order in which it was opened.

export interface Lifecycle {
  /** Adds something that is open. `close` is called once. */
  own(close: () => void | Promise<void>): void
  /** Closes everything. Every closing is tried; then the first error is thrown. Further calls wait for the first. */
  close(): Promise<void>
}

export function createLifecycle(): Lifecycle {
  const open: (() => void | Promise<void>)[] = []
  let closing: Promise<void> | undefined

  async function closeAll(): Promise<void> {
    const errors: unknown[] = []
    for (let close = open.pop(); close !== undefined; close = open.pop()) {
      try {
        await close()
      } catch (error) {
        errors.push(error)
      }
    }
    if (errors.length > 0) throw errors[0]
  }

  return {
    own: (close) => void open.push(close),
    close() {
      closing ??= closeAll()
      return closing
    },
  }
}
