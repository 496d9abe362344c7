// Reads the payload of a SMETS1 response or alert as plain values: the counterpart of `payload.ts`.

import { parseDateTime } from './date-time.ts'
import { responseNamespace } from './names.ts'
import type { XmlElement } from './xml-tree.ts'

/** A half-hour as sent: active energy in Wh, reactive in varh, as far as the response has them. */
export type HalfHourEntry = { stampMs: number; wh?: number; varh?: number }

/** Registers of 4.1.1 (import) or 4.2 (export), as far as the response has them. */
export type Registers = { direction: 'import' | 'export'; activeWh?: number; reactiveVarh?: number }

/** A midnight's registers; `tariffWh` by index, the first being 1. */
export type DailyRead = { stampMs: number; importWh?: number; tariffWh: (number | undefined)[] }

export type ReceivedAlert = { description: string; atMs: number; outage?: { fromMs: number; toMs: number } }

export type PayloadData = { entries?: HalfHourEntry[]; registers?: Registers; dailyReads?: DailyRead[] }

type Result<T> = { ok: true; data: T } | { ok: false; detail: string }

/** Names of the values in a LogEntry of half-hours. */
const halfHourValues: { readonly [payload: string]: { wh?: string; varh?: string } } = {
  ReadActiveImportProfileDataRsp: { wh: 'PrimaryValue' },
  ReadReactiveImportProfileDataRsp: { varh: 'ReactiveEnergyImportedValue' },
  ReadExportProfileDataRsp: { wh: 'ActiveEnergyExportedValue', varh: 'ReactiveEnergyExportedValue' },
}

function part(element: XmlElement | undefined, name: string): XmlElement | undefined {
  return element?.children.find((child) => child.name === name && child.namespace === responseNamespace)
}

/** A whole number, `undefined` where there is no such element, NaN for what is no number. */
function numberIn(element: XmlElement | undefined, name: string): number | undefined {
  const text = part(element, name)?.text
  if (text === undefined) return undefined
  return /^[+-]?\d{1,15}$/.test(text) ? Number(text) : Number.NaN
}

function wrong(value: number | undefined): boolean {
  return Number.isNaN(value)
}

function halfHours(payload: XmlElement, names: { wh?: string; varh?: string }): Result<PayloadData> {
  const entries: HalfHourEntry[] = []
  const wanted = Object.values(names).join(' or ')
  for (const entry of payload.children) {
    const stampMs = parseDateTime(part(entry, 'Timestamp')?.text ?? '')
    const holder = part(entry, 'Electricity') ?? entry
    const wh = names.wh === undefined ? undefined : numberIn(holder, names.wh)
    const varh = names.varh === undefined ? undefined : numberIn(holder, names.varh)
    if (stampMs === undefined || wrong(wh) || wrong(varh) || (wh === undefined && varh === undefined)) {
      return { ok: false, detail: `${payload.name} holds an entry without Timestamp and ${wanted}` }
    }
    entries.push({ stampMs, ...(wh !== undefined && { wh }), ...(varh !== undefined && { varh }) })
  }
  return { ok: true, data: { entries } }
}

function registers(payload: XmlElement, direction: 'import' | 'export'): Result<PayloadData> {
  const word = direction === 'import' ? 'Import' : 'Export'
  const holder = direction === 'import' ? part(payload, 'Electricity') : payload
  const activeWh = numberIn(part(holder, `Active${word}Register`), 'Value')
  const reactiveVarh = numberIn(part(holder, `Reactive${word}Register`), 'Value')
  if (wrong(activeWh) || wrong(reactiveVarh)) {
    return { ok: false, detail: `${payload.name} holds a register that is no whole number` }
  }
  const found = { ...(activeWh !== undefined && { activeWh }), ...(reactiveVarh !== undefined && { reactiveVarh }) }
  return { ok: true, data: { registers: { direction, ...found } } }
}

/** Values of `TariffTOURegisterMatrixValue` by their index, `undefined` when one has none from 1 to 48. */
function matrixIn(holder: XmlElement | undefined): (number | undefined)[] | undefined {
  const matrix: (number | undefined)[] = []
  for (const child of holder?.children ?? []) {
    if (child.name !== 'TariffTOURegisterMatrixValue') continue
    const index = Number(child.attributes.find(({ name }) => name === 'index')?.value)
    if (!Number.isInteger(index) || index < 1 || index > 48 || !/^[+-]?\d{1,15}$/.test(child.text)) return undefined
    matrix[index - 1] = Number(child.text)
  }
  return Array.from(matrix)
}

function dailyReads(payload: XmlElement): Result<PayloadData> {
  const found: DailyRead[] = []
  for (const entry of payload.children) {
    const stampMs = parseDateTime(part(entry, 'Timestamp')?.text ?? '')
    const holder = part(entry, 'Electricity')
    const importWh = numberIn(holder, 'ElecActiveImportRegisterConsumption')
    const tariffWh = matrixIn(holder)
    if (stampMs === undefined || wrong(importWh) || tariffWh === undefined) {
      return {
        ok: false,
        detail: `${payload.name} holds an entry without Timestamp, or with a value that is no number`,
      }
    }
    found.push({ stampMs, ...(importWh !== undefined && { importWh }), tariffWh })
  }
  return { ok: true, data: { dailyReads: found } }
}

/** The values in an element of SMETSData; none for an element that is not known. */
export function readPayloadData(payload: XmlElement): Result<PayloadData> {
  const names = Object.hasOwn(halfHourValues, payload.name) ? halfHourValues[payload.name] : undefined
  if (names !== undefined) return halfHours(payload, names)
  if (payload.name === 'ReadInstantaneousImportRegistersRsp') return registers(payload, 'import')
  if (payload.name === 'ReadInstantaneousExportRegistersRsp') return registers(payload, 'export')
  if (payload.name === 'RetrieveImportDailyReadLogRsp') return dailyReads(payload)
  return { ok: true, data: {} }
}

/** The alert in a DeviceAlertMessage; `undefined` when it holds none. */
export function readDeviceAlert(message: XmlElement): ReceivedAlert | undefined {
  const content = part(message, 'DeviceAlertContent')
  const description = part(content, 'AlertDescription')?.text
  const atMs = parseDateTime(part(content, 'Timestamp')?.text ?? '')
  if (description === undefined || atMs === undefined) return undefined
  const supply = part(part(content, 'Payload'), 'SupplyOutageRestoreAlert')
  const fromMs = parseDateTime(part(supply, 'interruptionValue')?.text ?? '')
  const toMs = parseDateTime(part(supply, 'restorationValue')?.text ?? '')
  const outage = fromMs === undefined || toMs === undefined ? {} : { outage: { fromMs, toMs } }
  return { description, atMs, ...outage }
}
