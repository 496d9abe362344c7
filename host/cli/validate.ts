// smets1 validate: checks a state directory and starts nothing.

import { existsSync } from 'node:fs'
import type { Registry, User } from '../access/parties.ts'
import { registrySchema } from '../access/registry-schema.ts'
import { placeOf } from '../bridge/line-pool.ts'
import { cacheDeletions, cachePolicies, cacheTopUps } from '../cache/policy.ts'
import { type BridgeConfig, readConfig } from '../config/config.ts'
import { configSchema } from '../config/config-schema.ts'
import { vaultProblems } from '../dco/vault.ts'
import { loadSchema } from '../duis/schema.ts'
import { signingToolOf } from '../pki/open-signing-tool.ts'
import type { SigningTool } from '../pki/signing-tool.ts'
import { loadIdentity, loadTrust } from '../pki/test-pki.ts'
import type { TrustStore } from '../pki/trust.ts'
import { checkRegistryFile, unfinishedIn } from '../runtime/state-registry.ts'
import { unknownNames } from '../schedule/settings.ts'
import { CommandError, exitCode } from '../state/errors.ts'
import { schemaCheck } from '../state/json-schema.ts'
import { readJson, type StatePaths, stateOf, statePaths } from '../state/state-directory.ts'
import { unknownWanNames } from '../wan/wan-settings.ts'
import { type Command, type Io, textOption } from './command.ts'

/** Problems of a state directory, and what it uses of the user's own: schemas, a signing tool. */
async function check(paths: StatePaths, io: Io): Promise<{ problems: string[]; found: string[] }> {
  if (stateOf(paths) === 'absent') return { problems: [`${paths.root} is not there: smets1 up makes it`], found: [] }
  const problems: string[] = []
  const found: string[] = []

  /** Runs one check. An error is a problem; the other checks continue. */
  async function attempt(one: () => void | Promise<void>): Promise<void> {
    try {
      await one()
    } catch (error) {
      problems.push((error as Error).message)
    }
  }

  let settings: BridgeConfig | undefined
  let registry: Registry | undefined
  let tool: SigningTool | undefined
  await attempt(async () => {
    const config = readConfig(paths.config, io.env, {})
    settings = config
    const file = existsSync(paths.config) ? readJson(paths.config) : {}
    problems.push(...schemaCheck(configSchema())(file).map((problem) => `${paths.config}: ${problem}`))
    found.push(...cacheWords(config))
    await attempt(() => {
      if (config.schema === undefined) return
      found.push(`schema ${config.schema}: ${loadSchema(config.schema).versions.join(', ')}`)
    })
    await attempt(async () => {
      tool = await signingToolOf(config)
      if (tool === undefined) return
      found.push(`signing tool ${config.keysBoxed}: ${tool.signers.length} certificates, DSP ${tool.dsp.name}`)
    })
  })
  await attempt(() => {
    const file = readJson(paths.registry)
    const checked = checkRegistryFile(paths, file)
    const unfinished = unfinishedIn(paths)
    if (unfinished !== undefined)
      problems.push(`${paths.store}: a change by ${unfinished} was cut off; part of it is in force. Do it again`)
    if (checked.ok) {
      registry = checked.registry
      problems.push(...schemaCheck(registrySchema())(file).map((problem) => `${paths.registry}: ${problem}`))
    }
    if (!checked.ok) problems.push(...checked.problems.map((problem) => `${paths.registry}: ${problem}`))
    else if (settings !== undefined) {
      const devices = [...checked.registry.devices]
      const { schedule, wan } = settings
      const unknown = [...unknownNames(schedule, devices), ...(wan ? unknownWanNames(wan, devices.map(placeOf)) : [])]
      problems.push(...unknown.map((problem) => `${paths.config}: ${problem}`))
    }
  })
  await attempt(() => void problems.push(...vaultProblems(paths.vault)))
  await attempt(() => {
    const certificates = registry?.users.flatMap(({ certificate }) => certificate ?? []) ?? []
    const trust = loadTrust(paths.pki, certificates, tool)
    problems.push(...usersWithoutCertificate(registry?.users ?? [], trust, paths))
  })
  for (const name of ['dsp', 's1sp']) await attempt(() => void loadIdentity(paths.pki, name))
  return { problems, found }
}

/** A User whose requests nobody can verify. */
function usersWithoutCertificate(users: readonly User[], trust: TrustStore, { registry, pki }: StatePaths): string[] {
  const known = new Set([...trust.values()].flat().map(({ eui }) => eui))
  return users
    .filter(({ eui, status }) => status === 'active' && !known.has(eui))
    .map(
      ({ name, eui }) =>
        `${registry}: ${name} (${eui}) has no certificate, so its requests are refused: put it into ${pki}/${name}.pem, or smets1 user remove ${name} and smets1 user add ${name} --certificate FILE`,
    )
}

/** What the cache keeps, tops up and deletes, with the words of the consultation that each comes from. */
function cacheWords({ cachePolicy, cacheTopUp, cacheDeletion }: BridgeConfig): string[] {
  return [
    `cachePolicy ${cachePolicy}: ${cachePolicies[cachePolicy]}`,
    `cacheTopUp ${cacheTopUp}: ${cacheTopUps[cacheTopUp]}`,
    `cacheDeletion ${cacheDeletion}: ${cacheDeletions[cacheDeletion]}`,
  ]
}

const schemas: { readonly [name: string]: () => object } = { config: configSchema, registry: registrySchema }

/** The JSON Schema of a file. @throws CommandError */
function schemaText(name: string): string {
  const schema = Object.hasOwn(schemas, name) ? schemas[name] : undefined
  if (schema === undefined)
    throw new CommandError(exitCode.usage, `--print-schema is ${Object.keys(schemas).join(' or ')}, not ${name}`)
  return `${JSON.stringify(schema(), null, 2)}\n`
}

export const validateCommand: Command = {
  name: 'validate',
  summary: 'check the state directory, its configuration, registry and keys',
  options: [
    ['--state <dir>', 'the state directory', '.smets1'],
    ['--json', 'the problems as JSON'],
    ['--print-schema <config|registry>', 'only print the JSON Schema of config.json or registry.json, for an editor'],
  ],
  examples: ['smets1 validate --state .smets1', 'smets1 validate --print-schema config > config.schema.json'],
  async run(options, io) {
    const name = textOption(options, 'printSchema')
    if (name !== undefined) {
      io.stdout(schemaText(name))
      return exitCode.ok
    }
    const paths = statePaths(textOption(options, 'state') ?? '.smets1')
    const { problems, found } = await check(paths, io)
    if (options.json === true) io.stdout(`${JSON.stringify({ ok: problems.length === 0, problems, found })}\n`)
    else if (problems.length === 0) io.stdout([`${paths.root} is in order`, ...found, ''].join('\n'))
    else for (const problem of problems) io.stdout(`${problem}\n`)
    return problems.length === 0 ? exitCode.ok : exitCode.usage
  },
}
