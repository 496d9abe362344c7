// Reads the DCC's own responses and alerts, for clients: the counterpart of `format-non-device.ts`.

import { serviceNamespace } from './names.ts'
import type { ScheduleDetails } from './non-device-fields.ts'
import { readScheduleDetails } from './schedule-body.ts'
import type { XmlElement } from './xml-tree.ts'

/** A schedule as 5.2 gives it. */
export type ReadSchedule = { id: number; details: ScheduleDetails }

/** A device as 8.2 gives it: element names and their text; PropertyFilter's two children by their own names. */
export type ReadDevice = { [element: string]: string }

/** A DCC alert about a schedule. */
export type ReadAlert = {
  code: string
  /** DSPScheduleRemoval, CommandFailure, … */
  kind: string
  scheduleId?: number
  deviceEui?: string
  commandRequestId?: string
}

/** The id in an answer to 5.1. `message` is the element in Body. */
export function readScheduleId(message: XmlElement): number | undefined {
  const text = child(message, 'DSPScheduleID')?.text
  return text === undefined || !/^\d{1,13}$/.test(text) ? undefined : Number(text)
}

/** The schedules in an answer to 5.2, or a sentence on what is wrong. */
export function readSchedules(message: XmlElement): ReadSchedule[] | string {
  const list = child(message, 'DSPSchedulesRead')
  if (list === undefined) return 'the answer holds no DSPSchedulesRead'
  const schedules: ReadSchedule[] = []
  for (const one of list.children) {
    const id = readScheduleId(one)
    const element = child(one, 'DSPScheduleDetails')
    const details = element && readScheduleDetails(element)
    if (id === undefined || details === undefined) return 'a schedule lacks its id or its details'
    if (typeof details === 'string') return details
    schedules.push({ id, details })
  }
  return schedules
}

/** The devices in an answer to 8.2, or a sentence on what is wrong. */
export function readInventory(message: XmlElement): ReadDevice[] | string {
  const list = child(message, 'DSPInventory')
  if (list === undefined) return 'the answer holds no DSPInventory'
  return list.children.map((device) => {
    const leaves = device.children.flatMap((one) => (one.children.length === 0 ? [one] : one.children))
    return Object.fromEntries(leaves.map((leaf) => [leaf.name, leaf.text]))
  })
}

/** The alert in a DCCAlertMessage, or undefined when `message` is none. */
export function readAlert(message: XmlElement): ReadAlert | undefined {
  const code = child(message, 'DCCAlertCode')?.text
  const content = child(message, 'DCCAlert')?.children[0]
  if (code === undefined || content === undefined) return undefined
  const alert: ReadAlert = { code, kind: content.name }
  const scheduleId = readScheduleId(content)
  if (scheduleId !== undefined) alert.scheduleId = scheduleId
  const deviceEui = child(content, 'DeviceID')?.text
  if (deviceEui !== undefined) alert.deviceEui = deviceEui
  const commandRequestId = child(content, 'CommandRequestID')?.text
  if (commandRequestId !== undefined) alert.commandRequestId = commandRequestId
  return alert
}

function child(element: XmlElement, name: string): XmlElement | undefined {
  return element.children.find((one) => one.name === name && one.namespace === serviceNamespace)
}
