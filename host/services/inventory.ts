// 8.2 Read Inventory: all devices of the premises of the one that is found.

import type { AccessPolicy, UserAllowed } from '../access/access-control.ts'
import { deviceDefaults } from '../access/device-details.ts'
import type { Device, Registry } from '../access/parties.ts'
import { settlementDayOf } from '../access/settlement-day.ts'
import { type InventoryDevice, inventoryContent } from '../duis/format-non-device.ts'
import type { InventoryQuery } from '../duis/non-device-fields.ts'
import type { DirectHandler } from '../requests/direct-response.ts'

export interface InventoryParts {
  registry(): Registry
  policy: AccessPolicy
}

/** The requested device, or one of the requested premises. */
function deviceFor(query: InventoryQuery, registry: Registry): Device | undefined {
  switch (query.by) {
    case 'DeviceID':
      return registry.device(query.eui)
    case 'MPxN':
      return registry.deviceByMpan(query.mpxn)
    case 'UPRN':
    case 'PropertyFilter':
      return registry.devicesAt(query)[0]
  }
}

/** The premises: devices of the same UPRN or address, at least the one itself. */
function premisesOf(device: Device, registry: Registry): Device[] {
  const found = registry.devicesAt(device)
  return found.length === 0 ? [device] : found
}

/**
 * Why a User may see a premises. Current and future parties may (DUIS request matrix, of suppliers; that it holds for
 * every role with registrations is an assumption). A role without registrations may see any: an assumption, too.
 */
function mayList(
  devices: readonly Device[],
  { user, roles }: UserAllowed,
  nowMs: number,
  parts: InventoryParts,
): boolean {
  const today = settlementDayOf(nowMs)
  const registry = parts.registry()
  return roles.some((role) => {
    if (!parts.policy.registered.includes(role)) return true
    const mpans = devices.flatMap(({ importMpan, exportMpan }) => [importMpan, exportMpan])
    return mpans.some(
      (mpan) =>
        mpan !== undefined &&
        registry
          .registrations(mpan, role)
          .some((record) => record.mpid === user.mpid && (record.until === undefined || record.until >= today)),
    )
  })
}

function listed(device: Device): InventoryDevice {
  const { type, manufacturer, model, s1sp } = device
  return {
    ...device,
    type: type ?? deviceDefaults.type,
    manufacturer: manufacturer ?? deviceDefaults.manufacturer,
    model: model ?? deviceDefaults.model,
    s1sp: s1sp ?? deviceDefaults.s1sp,
  }
}

export function readInventoryHandler(parts: InventoryParts): DirectHandler<'readInventory'> {
  return async ({ query }, user, nowMs) => {
    const registry = parts.registry()
    const device = deviceFor(query, registry)
    if (device === undefined) return { fault: 'notInInventory', reason: `no device is found by ${query.by}` }
    const devices = premisesOf(device, registry)
    if (!mayList(devices, user, nowMs, parts)) {
      const reason = `${user.user.name} has no registration, of now or later, for any MPAN of the premises`
      return { fault: 'notAuthorised', reason }
    }
    return { code: 'I0', content: inventoryContent(devices.map(listed)), reason: `${devices.length} devices` }
  }
}
