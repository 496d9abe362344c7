// The payloads of SMETS1 responses: the MMC element of each Service Reference Variant, as canonical text. One function per
// variant; the order of children is that of the MMC XSD and differs between variants.

import { formatDateTime } from './date-time.ts'

/** A half-hour: `stampMs` is its end (its beginning for devices that are registered so), `wh` the energy in it. */
export type ProfileEntry = { stampMs: number; wh: number }

/** A half-hour of reactive energy. */
export type ReactiveEntry = { stampMs: number; varh: number }

/** A half-hour of active and reactive export, as far as the meter recorded them. */
export type ExportEntry = { stampMs: number; wh: number | undefined; varh?: number | undefined }

/** A midnight snapshot: the active import register and, where there is a tariff, its time-of-use registers, 1 to 48. */
export type DailyReadEntry = { stampMs: number; importWh: number; tariffWh?: readonly number[] }

/** Most entries in a response (MMC XSD, maxOccurs of LogEntry). */
export const entriesMax = {
  importProfile: 19_056,
  reactiveProfile: 4_464,
  exportProfile: 4_464,
  dailyReadLog: 31,
  tariffRegisters: 48,
}

/** 4.8.1 ReadActiveImportProfileDataRsp. Throws RangeError beyond `entriesMax` and for what is no whole number. */
export function importProfilePayload(entries: readonly ProfileEntry[]): string {
  atMost(entries, entriesMax.importProfile)
  let log = ''
  for (const { stampMs, wh } of entries) {
    log +=
      `<ra:LogEntry><ra:Timestamp>${formatDateTime(stampMs)}</ra:Timestamp>` +
      `<ra:Electricity><ra:PrimaryValue>${whole(wh)}</ra:PrimaryValue></ra:Electricity></ra:LogEntry>`
  }
  return success('ReadActiveImportProfileDataRsp', log)
}

/** 4.8.2 ReadReactiveImportProfileDataRsp. Throws RangeError as above. */
export function reactiveImportProfilePayload(entries: readonly ReactiveEntry[]): string {
  atMost(entries, entriesMax.reactiveProfile)
  let log = ''
  for (const { stampMs, varh } of entries) {
    log +=
      `<ra:LogEntry><ra:ReactiveEnergyImportedValue>${whole(varh)}</ra:ReactiveEnergyImportedValue>` +
      `<ra:Timestamp>${formatDateTime(stampMs)}</ra:Timestamp></ra:LogEntry>`
  }
  return success('ReadReactiveImportProfileDataRsp', log)
}

/** 4.8.3 ReadExportProfileDataRsp. Throws RangeError as above. */
export function exportProfilePayload(entries: readonly ExportEntry[]): string {
  atMost(entries, entriesMax.exportProfile)
  const value = (name: string, amount: number | undefined) =>
    amount === undefined ? '' : `<ra:${name}>${whole(amount)}</ra:${name}>`
  let log = ''
  for (const { stampMs, wh, varh } of entries) {
    log +=
      `<ra:LogEntry>${value('ActiveEnergyExportedValue', wh)}${value('ReactiveEnergyExportedValue', varh)}` +
      `<ra:Timestamp>${formatDateTime(stampMs)}</ra:Timestamp></ra:LogEntry>`
  }
  return success('ReadExportProfileDataRsp', log)
}

/** 4.6.1 RetrieveImportDailyReadLogRsp. Throws RangeError as above. */
export function dailyReadLogPayload(entries: readonly DailyReadEntry[]): string {
  atMost(entries, entriesMax.dailyReadLog)
  let log = ''
  for (const { stampMs, importWh, tariffWh = [] } of entries) {
    atMost(tariffWh, entriesMax.tariffRegisters)
    const consumption = whole(importWh)
    const matrix = tariffWh.map(
      (wh, i) => `<ra:TariffTOURegisterMatrixValue index="${i + 1}">${whole(wh)}</ra:TariffTOURegisterMatrixValue>`,
    )
    log +=
      `<ra:LogEntry><ra:Timestamp>${formatDateTime(stampMs)}</ra:Timestamp><ra:Electricity>` +
      `<ra:ElecActiveImportRegisterConsumption>${consumption}</ra:ElecActiveImportRegisterConsumption>` +
      `${matrix.join('')}</ra:Electricity></ra:LogEntry>`
  }
  return success('RetrieveImportDailyReadLogRsp', log)
}

/** 4.1.1 ReadInstantaneousImportRegistersRsp; reactive energy in varh. Throws RangeError as above. */
export function importRegistersPayload(registers: { activeWh: number; reactiveVarh?: number }): string {
  const electricity =
    activeRegister('ActiveImportRegister', registers.activeWh) +
    reactiveRegister('ReactiveImportRegister', registers.reactiveVarh)
  return success('ReadInstantaneousImportRegistersRsp', `<ra:Electricity>${electricity}</ra:Electricity>`)
}

/** 4.2 ReadInstantaneousExportRegistersRsp; reactive energy in varh. Throws RangeError as above. */
export function exportRegistersPayload(registers: { activeWh: number; reactiveVarh?: number }): string {
  return success(
    'ReadInstantaneousExportRegistersRsp',
    activeRegister('ActiveExportRegister', registers.activeWh) +
      reactiveRegister('ReactiveExportRegister', registers.reactiveVarh),
  )
}

function activeRegister(name: string, wh: number): string {
  return `<ra:${name}><ra:Value>${whole(wh)}</ra:Value><ra:ActiveEnergyUnit>Wh</ra:ActiveEnergyUnit></ra:${name}>`
}

function reactiveRegister(name: string, varh: number | undefined): string {
  if (varh === undefined) return ''
  const value = `<ra:Value>${whole(varh)}</ra:Value>`
  return `<ra:${name}>${value}<ra:ReactiveEnergyUnit>varh</ra:ReactiveEnergyUnit></ra:${name}>`
}

function success(name: string, content: string): string {
  return `<ra:${name} MessageSuccess="true">${content}</ra:${name}>`
}

function whole(value: number): string {
  if (!Number.isSafeInteger(value) || value < 0) throw new RangeError(`energy expected as a whole number, got ${value}`)
  return `${value}`
}

function atMost(entries: readonly unknown[], max: number): void {
  if (entries.length > max) throw new RangeError(`at most ${max} entries, got ${entries.length}`)
}
