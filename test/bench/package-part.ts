// Starts benches in a process that has done nothing else, as a test file does, and reports the times in milliseconds.

const beganMs = performance.now()
const { startBench } = await import('../../emulation/testing.ts')
const importMs = performance.now() - beganMs

export interface Start {
  startMs: number
  /** From the call of startBench to the first answer. */
  answerMs: number
}

export interface PackageTimes {
  importMs: number
  /** The first in the process, then others. */
  starts: Start[]
}

const starts: Start[] = []
for (let i = 0; i < 6; i++) {
  const atMs = performance.now()
  const bench = await startBench()
  const startMs = performance.now() - atMs
  const { code } = await bench.read('4.8.1', { as: 'mdr' })
  if (code !== 'I0') throw new Error(`the read got ${code}`)
  starts.push({ startMs, answerMs: performance.now() - atMs })
  await bench.close()
}
process.send?.({ importMs, starts } satisfies PackageTimes)
process.disconnect?.()
