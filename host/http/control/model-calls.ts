// Calls that change the models of the WAN and of the DCO while the bridge runs.

import { readDcoSettings } from '../../dco/dco-settings.ts'
import { readWanSettings } from '../../wan/wan-settings.ts'
import { type Call, CallError, call, needed } from './call.ts'
import type { Controlled } from './controlled.ts'
import { anyObject, decimal, object, oneOf, whole } from './shape.ts'

const modelsOf = ({ env }: Controlled) =>
  needed(
    env.models,
    'this bridge has no models: smets1 up has them, and smets1 bridge where config.json has `wan` or `dco`',
  )

const wanSettings = object(
  {},
  {
    seed: whole(0, 0xffff_ffff),
    all: anyObject({
      description: 'for every meter: smsDelayMs, smsLoss, contexts and so on, as `wan` in config.json',
    }),
    csps: anyObject({ description: 'by CSP' }),
    cohorts: anyObject({ description: 'by cohort' }),
  },
)

const dcoSettings = object(
  {},
  {
    seed: whole(0, 0xffff_ffff),
    latencyMs: whole(0, 600_000),
    jitterMs: whole(0, 600_000),
    workers: whole(0, 1_000_000),
    callsPerSecond: decimal(0, 1e6),
    queueMax: whole(0, 1e9),
    stallEveryMinutes: whole(0, 525_600),
    stallMs: whole(0, 3_600_000),
    late: oneOf(['counted', 'fails']),
  },
)

/** What is off is absent. */
const models = object({}, { wan: wanSettings, dco: dcoSettings })

function shown(controlled: Controlled) {
  const { wan, dco } = modelsOf(controlled)
  const [ofWan, ofDco] = [wan.settings(), dco.settings()]
  return { ...(ofWan && { wan: { ...ofWan } }), ...(ofDco && { dco: { ...ofDco } }) }
}

export const modelCalls: readonly Call[] = [
  call({
    name: 'models',
    method: 'GET',
    path: '/models',
    scope: 'read',
    summary: 'settings of the models of the WAN and of the DCO; one that is off is absent',
    input: object({}),
    output: models,
    run: shown,
  }),
  call({
    name: 'wan-model',
    method: 'PUT',
    path: '/models/wan',
    scope: 'test',
    summary: 'replace the settings of the model of the WAN; without any it is off',
    input: wanSettings,
    output: models,
    run(controlled, input) {
      const read = readWanSettings(Object.keys(input).length === 0 ? undefined : input)
      if (!read.ok) throw new CallError(400, `wan: ${read.detail}`)
      modelsOf(controlled).wan.change(read.settings)
      return shown(controlled)
    },
  }),
  call({
    name: 'dco-model',
    method: 'PUT',
    path: '/models/dco',
    scope: 'test',
    summary: 'replace the settings of the model of the DCO; without any it is off',
    input: dcoSettings,
    output: models,
    run(controlled, input) {
      const read = readDcoSettings(Object.keys(input).length === 0 ? undefined : input)
      if (!read.ok) throw new CallError(400, `dco: ${read.detail}`)
      modelsOf(controlled).dco.change(read.settings)
      return shown(controlled)
    },
  }),
  call({
    name: 'dco-stall',
    method: 'POST',
    path: '/models/dco/stall',
    scope: 'test',
    summary: 'let no call of the DCO begin for so long',
    input: object({ seconds: decimal(0, 3600) }),
    output: models,
    run(controlled, { seconds }) {
      modelsOf(controlled).dco.stall(seconds * 1000)
      return shown(controlled)
    },
  }),
]
