// The table of calls.

import type { Call } from './call.ts'
import { clockCalls } from './clock-calls.ts'
import { faultCalls } from './fault-calls.ts'
import { feedCalls } from './feed-calls.ts'
import { messageCalls } from './message-calls.ts'
import { modelCalls } from './model-calls.ts'
import { operationCalls } from './operation-calls.ts'
import { pendingCalls } from './pending-calls.ts'
import { registryCalls } from './registry-calls.ts'
import { resetCalls } from './reset-calls.ts'
import { scheduleCalls } from './schedule-calls.ts'
import { stateCalls } from './state-calls.ts'

export const calls: readonly Call[] = [
  ...stateCalls,
  ...clockCalls,
  ...messageCalls,
  ...registryCalls,
  ...feedCalls,
  ...scheduleCalls,
  ...pendingCalls,
  ...operationCalls,
  ...modelCalls,
  ...faultCalls,
  ...resetCalls,
]
