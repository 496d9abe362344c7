// Builds the bridge from a state directory. The entry point's side of it: time, randomness, disk and network come in here.

import { randomBytes } from 'node:crypto'
import type { AuditEvent } from '../audit/audit-record.ts'
import { openServiceAuditTrail, type ServiceAuditTrail } from '../audit/service-audit-trail.ts'
import { type Bridge, createBridge } from '../bridge/bridge.ts'
import type { BridgeParts } from '../bridge/bridge-parts.ts'
import { bridgeTables } from '../bridge/tables.ts'
import { createDailyReadThrough } from '../cache/daily-reads.ts'
import { openHourlyKeys } from '../cache/hourly-keys.ts'
import { createReadingCache } from '../cache/reading-cache.ts'
import { createReadThrough } from '../cache/single-flight.ts'
import { createTopUp, noTopUp } from '../cache/top-up.ts'
import type { BridgeConfig } from '../config/config.ts'
import { createDco } from '../dco/sealer.ts'
import { openVault } from '../dco/vault.ts'
import { loadSchema, type Schema } from '../duis/schema.ts'
import { createHttpServer, defaultHttpLimits } from '../http/http-server.ts'
import { listen } from '../http/listen.ts'
import { createPoster } from '../http/post.ts'
import { signingToolOf } from '../pki/open-signing-tool.ts'
import { inThreadPool } from '../pki/public-key.ts'
import { loadIdentity } from '../pki/test-pki.ts'
import type { CompletedRequest } from '../requests/accepted-request.ts'
import { CommandError, exitCode } from '../state/errors.ts'
import type { StatePaths } from '../state/state-directory.ts'
import { version } from '../state/version.ts'
import { openLmdbStore } from '../store/lmdb.ts'
import { openPort } from '../wan/bindings.ts'
import type { Timing } from '../wan/serial-line.ts'
import { type BridgeLog, openBridgeLog } from './bridge-log.ts'
import { loadKnownParties, watchParties } from './known-parties.ts'
import { recordTo } from './record.ts'
import { watchBridge } from './watch-bridge.ts'

/** The clock and timers of this machine. */
export const systemTiming: Timing = {
  nowMs: () => Date.now(),
  after(ms, call) {
    const timer = setTimeout(call, Math.min(ms, 0x7fffffff))
    return { cancel: () => clearTimeout(timer) }
  },
}

export interface RunningBridge {
  bridge: Bridge
  /** Where DUIS is served, `http://127.0.0.1:8079`. */
  url: string
  /** Where metrics are served, if they are. */
  metricsUrl: string | undefined
  /** Reads the registry and certificates again. */
  reload(): void
  stop(): Promise<void>
}

/** The schemas that a user has. @throws CommandError with the exit code for schemas */
function schemaIn(directory: string): Schema {
  try {
    return loadSchema(directory)
  } catch (error) {
    throw new CommandError(exitCode.schema, `--schema ${directory}: ${(error as Error).message}`)
  }
}

/** @throws CommandError when the end of the trail is damaged */
async function openTrail(paths: StatePaths, log: BridgeParts['log']): Promise<ServiceAuditTrail> {
  const report = (problem: string) => log('audit', { problem })
  return openServiceAuditTrail({ directory: paths.audit, timing: systemTiming, report }).catch((error: Error) => {
    throw new CommandError(exitCode.failed, error.message)
  })
}

/** What a bridge may be given beside its configuration. */
export interface BridgeExtras {
  answered?(answered: CompletedRequest): void
  /** Closed with the bridge. */
  log?: BridgeLog
  /** File to record the line in. */
  record?: string | undefined
}

/**
 * Opens the state, builds the bridge and serves DUIS.
 * @throws ConfigurationError, CommandError
 */
export async function runBridge(
  paths: StatePaths,
  config: BridgeConfig,
  { answered, record, ...extras }: BridgeExtras = {},
): Promise<RunningBridge> {
  const logging = extras.log ?? (await openBridgeLog(paths, config.log))
  const { log } = logging
  const recording = record === undefined ? undefined : recordTo(record, (problem) => log('recording', { problem }))
  const report = (line: string) => log('cache', { problem: line })
  const schema = config.schema === undefined ? undefined : schemaIn(config.schema)
  const tool = await signingToolOf(config)
  let known = loadKnownParties(paths, tool)
  const dsp = tool?.dsp ?? loadIdentity(paths.pki, 'dsp')
  const s1sp = loadIdentity(paths.pki, 's1sp').signer
  const store = openLmdbStore(paths.store, bridgeTables)
  const keys = openHourlyKeys(paths.cacheKeys, randomBytes, report, config.cacheDeletion)
  const policy = config.cachePolicy
  const topUp = config.cacheTopUp === 'period'
  const cache = createReadingCache({ store, keys, randomBytes, policy })
  const { nowMs } = systemTiming
  const kept = { store, keys, randomBytes, policy, topUp, nowMs, emptied: cache.emptied, report }
  const trail = await openTrail(paths, log)
  const watch = watchBridge(store, trail)
  const audit = {
    ...trail,
    record(event: AuditEvent) {
      trail.record(event)
      watch.event(event)
    },
  }
  audit.record({ event: 'started', version })
  const dco = createDco(openVault(paths.vault), randomBytes, (device, problem) => {
    if (problem !== undefined) return log('key not rotated', { device, problem })
    audit.record({ event: 'key rotated', device })
    log('key rotated', { device, note: 'the meter has its new key; the one before is gone' })
  })
  const noteParties = () => {
    const { users, devices } = known.registry
    audit.record({ event: 'registry', sha256: known.sha256, users: users.length, devices: devices.length })
    log('registry', { sha256: known.sha256, users: users.length, devices: devices.length })
  }
  noteParties()
  if (schema !== undefined) log('schema', { directory: config.schema, versions: schema.versions })
  if (tool !== undefined) {
    const { signers, dsp } = tool
    log('signing tool', { path: config.keysBoxed, certificates: signers.length, dsp: dsp.name, serial: dsp.serial })
  }
  const poster = createPoster()
  const bridge = createBridge({
    config,
    registry: () => known.registry,
    trust: () => known.trust,
    dsp: dsp.signer,
    dspEui: dsp.eui,
    s1sp,
    verify: inThreadPool,
    dco,
    store,
    readThrough: createReadThrough(cache, nowMs, report, topUp ? createTopUp(cache, keys, policy) : noTopUp),
    dailyReadThrough: createDailyReadThrough(kept),
    emptyCache: cache.empty,
    schema,
    timing: systemTiming,
    openPort: recording?.tap(openPort) ?? openPort,
    post: poster.post,
    audit,
    log,
    ...(answered && { answered }),
  })
  const server = createHttpServer(watch.timed(bridge.receive), defaultHttpLimits, (error) =>
    log('fault', { problem: (error as Error).stack ?? String(error) }),
  )
  // What was accepted keeps the parties that it was checked with; the old ones stay when the new ones are wrong.
  const watching = watchParties(paths, known, systemTiming, () => {
    try {
      const before = known.registry
      known = loadKnownParties(paths, tool)
      noteParties()
      bridge.partiesChanged(before)
    } catch (error) {
      const problem = (error as Error).message
      log('registry refused', { problem })
      audit.record({ event: 'registry refused', problem: problem.slice(0, 1000) })
    }
  })
  const stop = async () => {
    watch.setReady(false)
    watching.stop()
    server.close()
    server.closeAllConnections()
    clearInterval(sweeping)
    await bridge.stop()
    recording?.close()
    audit.record({ event: 'stopped' })
    await audit.close()
    await store.close()
    await poster.end()
    watch.server.close()
    watch.server.closeAllConnections()
    await logging.close()
  }
  // Keys are destroyed on time also when nobody asks for anything.
  const sweeping = setInterval(
    () => void cache.sweep(Date.now()).catch((error: Error) => report(error.message)),
    60_000,
  )
  try {
    const { metricsHost, metricsPort } = config
    const metricsUrl =
      metricsPort === undefined ? undefined : await listen(watch.server, metricsHost, metricsPort, '--metrics-port')
    const url = await listen(server, config.httpHost, config.httpPort, '--http-port')
    bridge.resume()
    bridge.holdLines()
    watch.setReady(true)
    log('ready', { version, url, metricsUrl, line: config.lineUrl })
    return { bridge, url, metricsUrl, reload: watching.look, stop }
  } catch (error) {
    await stop()
    throw error
  }
}
