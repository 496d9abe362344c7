// Calls that make a bench do something wrong on purpose.

import { type Call, CallError, call, needed } from './call.ts'
import type { Controlled } from './controlled.ts'
import { type Faults, faultRow, faultRule } from './fault-rule.ts'
import { listOf, object, whole } from './shape.ts'

const faultsOf = ({ faults }: Controlled): Faults =>
  needed(faults, 'faults are for benches with a meter of their own (smets1 up): this line may lead to a real meter')

const none = object({})

export const faultCalls: readonly Call[] = [
  call({
    name: 'faults',
    method: 'GET',
    path: '/faults',
    scope: 'read',
    summary: 'rules that are in force, and how often each has taken effect',
    input: none,
    output: object({ faults: listOf(faultRow) }),
    run: (controlled) => ({ faults: faultsOf(controlled).list() }),
  }),
  call({
    name: 'fault-add',
    method: 'POST',
    path: '/faults',
    scope: 'test',
    summary: 'add a rule: what goes wrong, with which requests, and how often',
    input: faultRule,
    output: faultRow,
    run: (controlled, rule) => faultsOf(controlled).add(rule),
  }),
  call({
    name: 'fault-remove',
    method: 'DELETE',
    path: '/faults/{id}',
    scope: 'test',
    summary: 'remove a rule',
    input: object({ id: whole(1, Number.MAX_SAFE_INTEGER) }),
    output: object({ removed: whole(0, 1) }),
    run(controlled, { id }) {
      if (!faultsOf(controlled).remove(id)) throw new CallError(404, `there is no rule ${id}`)
      return { removed: 1 }
    },
  }),
  call({
    name: 'faults-reset',
    method: 'DELETE',
    path: '/faults',
    scope: 'test',
    summary: 'remove all rules',
    input: none,
    output: object({ removed: whole(0, Number.MAX_SAFE_INTEGER) }),
    run: (controlled) => ({ removed: faultsOf(controlled).reset() }),
  }),
]
