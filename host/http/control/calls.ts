// The table of calls.

import type { Call } from './call.ts'
import { messageCalls } from './message-calls.ts'
import { stateCalls } from './state-calls.ts'

export const calls: readonly Call[] = [...stateCalls, ...messageCalls]
