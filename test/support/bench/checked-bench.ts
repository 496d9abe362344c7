// The bench as tests use it: every message of the bridge is checked against the DUIS 5.1 schema.

import { type BenchOptions, createBench as createUncheckedBench } from '../../../emulation/bench.ts'
import { assertSendable } from './duis-schema.ts'

export type Bench = Awaited<ReturnType<typeof createBench>>

export function createBench(options: BenchOptions = {}) {
  return createUncheckedBench({ check: (xml) => assertSendable(xml, options.config?.codes), ...options })
}
