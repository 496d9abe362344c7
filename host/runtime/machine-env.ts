// The environment of this machine: its clock, random numbers, serial lines, disk and network.

import { type KeyObject, randomBytes } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { useRequestIds } from '../access/request-counters.ts'
import type { AuditEvent } from '../audit/audit-record.ts'
import { acceptedIds } from '../audit/select.ts'
import { openServiceAuditTrail, type ServiceAuditTrail } from '../audit/service-audit-trail.ts'
import type { BridgeDisk, BridgeEnv, BridgeModels, BridgeNetwork } from '../bridge/env.ts'
import { createLifecycle, type Lifecycle } from '../bridge/lifecycle.ts'
import { bridgeTables, type Tables } from '../bridge/tables.ts'
import { openHourlyKeys } from '../cache/hourly-keys.ts'
import type { BridgeConfig } from '../config/config.ts'
import { openVault } from '../dco/vault.ts'
import { loadSchema, type Schema } from '../duis/schema.ts'
import { createHttpServer, defaultHttpLimits, type ServerTls } from '../http/http-server.ts'
import { closeServer, listen } from '../http/listen.ts'
import { createLoadGate, type LoadGate, requestsInside } from '../http/load-gate.ts'
import { callbackAuthorities, createPoster } from '../http/post.ts'
import { keyError, readCertificate, readPrivateKey } from '../pki/key-files.ts'
import { signingToolOf } from '../pki/open-signing-tool.ts'
import { inThreadPool } from '../pki/public-key.ts'
import type { SigningTool } from '../pki/signing-tool.ts'
import { loadIdentity } from '../pki/test-pki.ts'
import type { CompletedRequest } from '../requests/accepted-request.ts'
import { CommandError, exitCode } from '../state/errors.ts'
import { requireClock } from '../state/state-clock.ts'
import type { StatePaths } from '../state/state-directory.ts'
import { version } from '../state/version.ts'
import { createKeySlots, openKeyFile } from '../store/key-slots.ts'
import { openLmdbStore } from '../store/lmdb.ts'
import type { Store } from '../store/store.ts'
import type { OpenPort } from '../wan/bindings.ts'
import type { Timing } from '../wan/timing.ts'
import { type BridgeLog, openBridgeLog } from './bridge-log.ts'
import { checkDescriptors } from './descriptors.ts'
import { holdState } from './hold-state.ts'
import { openParties } from './known-parties.ts'
import type { Lock } from './lock-file.ts'
import {
  cacheKeysBy,
  clockHeaders,
  heldPost,
  heldStore,
  heldVerify,
  holdExchanges,
  type MachineClock,
  systemClock,
  trailTiming,
} from './machine-clock.ts'
import { checkOldStore, migrateStore } from './migrate-store.ts'
import { recordTo } from './record.ts'
import { openSecurityLog, type SecurityLog } from './security-log.ts'
import { systemTiming } from './system-timing.ts'
import { type BridgeWatch, type WatchParts, watchBridge } from './watch-bridge.ts'

export interface MachineOptions {
  /** Called with every final response. */
  completed?(completed: CompletedRequest): void
  /** The hold of the state directory and its log, where the caller has opened them; closed with the bridge. */
  hold?: Lock
  log?: BridgeLog
  /** File to record the line in. */
  record?: string | undefined
  /** Makes the models of what lies between the bridge and its meters; nothing is modelled without it. */
  models?(timing: Timing, config: BridgeConfig): BridgeModels
  /** The clock to run by; this machine's unless given. */
  clock?: MachineClock
}

export interface Machine {
  env: BridgeEnv
  /** Reads the registry and the certificates again; resolves when they are in force. */
  reload(): Promise<void>
}

type Log = BridgeEnv['log']

/** Opens what the bridge needs of this machine. When that fails, all of it is closed. @throws ConfigurationError, CommandError */
export async function openMachine(paths: StatePaths, config: BridgeConfig, options: MachineOptions): Promise<Machine> {
  const lifecycle = createLifecycle()
  requireClock(paths, (options.clock ?? systemClock).kind)
  const hold = options.hold ?? holdState(paths)
  lifecycle.own(hold.release)
  try {
    return await open(paths, config, options, lifecycle)
  } catch (error) {
    await lifecycle.close()
    throw error
  }
}

async function open(
  paths: StatePaths,
  config: BridgeConfig,
  options: MachineOptions,
  lifecycle: Lifecycle,
): Promise<Machine> {
  const clock = options.clock ?? systemClock
  const logging = options.log ?? (await openBridgeLog(paths, config.log))
  lifecycle.own(() => clock.hold(logging.close()))
  const { log } = logging
  const schema = config.schema === undefined ? undefined : schemaIn(config.schema)
  const tool = await signingToolOf(config)
  const dsp = tool?.dsp ?? loadIdentity(paths.pki, 'dsp')
  const security = await openSecurityLog(paths, config, clock.timing, log, lifecycle)
  const gate = createLoadGate(requestsInside)
  const watched = { security, gate }
  const { disk, watch } = await openDisk(paths, config, { schema, key: dsp.signer.key, log, lifecycle, clock, watched })
  // Files are changed in real time.
  const parties = await openParties(paths, tool, { timing: systemTiming, store: disk.store, audit: disk.audit, log })
  lifecycle.own(parties.stop)
  checkDescriptors(disk.store.count('devices'), () => parties.registry().devices)
  const poster = createPoster(callbackAuthorities(parties.registry), () => clockHeaders(clock))
  lifecycle.own(() => clock.hold(poster.end()))
  const keys = {
    dsp,
    s1sp: loadIdentity(paths.pki, 's1sp').signer,
    vault: openVault(paths.vault),
    verify: heldVerify(inThreadPool, clock),
  }
  logSettings(config, schema, tool, log)
  const { completed } = options
  const env: BridgeEnv = {
    timing: clock.timing,
    randomBytes,
    wan: { openPort: tapPort(options.record, clock, log, lifecycle), holdLines: true },
    network: {
      post: heldPost(poster.post, clock),
      serve: serveWith(config, watch, watched, { clock, log, lifecycle }),
    },
    disk,
    keys,
    parties,
    log,
    reportSecurity: security.report,
    lifecycle,
    models: options.models?.(clock.timing, config),
    ...(completed && { completed }),
  }
  const reload = () => {
    security.reopen()
    return parties.reload()
  }
  return { env, reload }
}

interface DiskOptions {
  schema: Schema | undefined
  /** The DSP's private key, which seals the audit trail. */
  key: KeyObject
  log: Log
  lifecycle: Lifecycle
  watched: Pick<WatchParts, 'security' | 'gate'>
  clock: MachineClock
}

/** Opens store, keys of the cache and audit trail. Metrics count what the trail records. */
async function openDisk(
  paths: StatePaths,
  config: BridgeConfig,
  { schema, key, log, lifecycle, clock, watched }: DiskOptions,
): Promise<{ disk: BridgeDisk; watch: BridgeWatch }> {
  await checkOldStore(paths)
  await migrateStore(paths, randomBytes, clock.timing.nowMs())
  const store = heldStore(openLmdbStore(paths.store, bridgeTables), clock)
  lifecycle.own(store.close)
  const outboxKeys = createKeySlots(openKeyFile(paths.outboxKeys), randomBytes)
  lifecycle.own(outboxKeys.close)
  const requestKeys = createKeySlots(openKeyFile(paths.requestKeys), randomBytes)
  lifecycle.own(requestKeys.close)
  const { cacheDeletion } = config
  const cacheKeys = openHourlyKeys(paths.cacheKeys, randomBytes, (problem) => log('cache', { problem }), cacheDeletion)
  const trail = await openTrail(paths, config, store, { key, log, clock })
  const keysTrouble = () => outboxKeys.trouble() ?? requestKeys.trouble()
  const watch = watchBridge({ store, keysTrouble, trail, ...watched })
  // It still answers /readyz while the bridge stops.
  lifecycle.own(() => closeServer(watch.server))
  const record = (event: AuditEvent) => {
    trail.record(event)
    watch.event(event)
  }
  record({ event: 'started', version, ...(clock.kind === 'virtual' && { clock: clock.kind }) })
  lifecycle.own(() => {
    record({ event: 'stopped' })
    return trail.close()
  })
  return {
    disk: {
      store,
      cacheKeys: cacheKeysBy(clock, cacheKeys),
      outboxKeys,
      requestKeys,
      audit: { record, committed: trail.committed },
      schema,
    },
    watch,
  }
}

/** @throws CommandError when the trail is damaged, or is not the one that the store noted */
async function openTrail(
  paths: StatePaths,
  config: BridgeConfig,
  store: Store<Tables>,
  { key, log, clock }: Pick<DiskOptions, 'key' | 'log' | 'clock'>,
): Promise<ServiceAuditTrail> {
  const trail = await openServiceAuditTrail({
    directory: paths.audit,
    ...trailTiming(clock),
    store,
    key,
    retentionDays: config.auditRetentionDays ?? Number.POSITIVE_INFINITY,
    report: (problem) => log('audit', { problem }),
  }).catch((error: Error) => {
    throw new CommandError(exitCode.failed, error.message)
  })
  // The bridge stores a RequestID before it records it; a copy of the store may be a moment older.
  await useRequestIds(store, acceptedIds(trail.unnoted))
  return trail
}

/** The schemas that a user has. @throws CommandError with the exit code for schemas */
function schemaIn(directory: string): Schema {
  try {
    return loadSchema(directory)
  } catch (error) {
    throw new CommandError(exitCode.schema, `--schema ${directory}: ${(error as Error).message}`)
  }
}

/** Ports as the system opens them, recorded when a file is named. */
function tapPort(
  path: string | undefined,
  { openPort, timing }: MachineClock,
  log: Log,
  lifecycle: Lifecycle,
): OpenPort {
  if (path === undefined) return openPort
  const recording = recordTo(path, timing.nowMs, (problem) => log('recording', { problem }))
  lifecycle.own(recording.close)
  return recording.tap(openPort)
}

/** @throws CommandError naming the file that is missing or unusable */
function tlsOf({ tlsCertificate, tlsKey, tlsClientCa }: BridgeConfig): ServerTls | undefined {
  if (tlsCertificate === undefined || tlsKey === undefined) return undefined
  const certificate = readCertificate(tlsCertificate)
  const key = readPrivateKey(tlsKey)
  if (!certificate.checkPrivateKey(key)) throw keyError(`${tlsKey} is not the key of ${tlsCertificate}`)
  if (tlsClientCa !== undefined) readCertificate(tlsClientCa)
  return {
    // The whole file: intermediate certificates may follow.
    cert: readFileSync(tlsCertificate, 'utf8'),
    key: `${key.export({ type: 'pkcs8', format: 'pem' })}`,
    clientCa: tlsClientCa && readFileSync(tlsClientCa, 'utf8'),
  }
}

/** Listens for DUIS and, when a port is configured, for metrics. */
function serveWith(
  config: BridgeConfig,
  watch: BridgeWatch,
  { security, gate }: { security: SecurityLog; gate: LoadGate },
  { clock, log, lifecycle }: Pick<DiskOptions, 'clock' | 'log' | 'lifecycle'>,
): NonNullable<BridgeNetwork['serve']> {
  return async (receive, mailbox) => {
    const { metricsHost, metricsPort } = config
    const failed = (error: unknown) => log('fault', { problem: (error as Error).stack ?? String(error) })
    const options = { mailbox, tls: tlsOf(config), gate, report: security.report }
    const exchanges = holdExchanges(receive, clock)
    const server = createHttpServer(watch.timed(exchanges.receive), defaultHttpLimits, failed, options)
    exchanges.watch(server)
    const metricsUrl =
      metricsPort === undefined ? undefined : await listen(watch.server, metricsHost, metricsPort, '--metrics-port')
    lifecycle.own(() => closeServer(server))
    const url = await listen(server, config.httpHost, config.httpPort, '--http-port')
    lifecycle.own(watch.stopping)
    return { url, metricsUrl, ready: watch.ready }
  }
}

function logSettings(config: BridgeConfig, schema: Schema | undefined, tool: SigningTool | undefined, log: Log): void {
  if (schema !== undefined) log('schema', { directory: config.schema, versions: schema.versions })
  if (tool === undefined) return
  const { signers, dsp } = tool
  log('signing tool', { path: config.keysBoxed, certificates: signers.length, dsp: dsp.name, serial: dsp.serial })
}
