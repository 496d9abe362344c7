// Every command of `smets1`, in the groups of the help. Dispatches to the other folders, too, by dynamic import.

import type { Command } from './command.ts'

/** Loads a command: only the one that is asked for, or all for the help. */
export type LoadCommand = () => Promise<Command>

/** The commands in the groups of the help. */
export const commandGroups: { [title: string]: { [name: string]: LoadCommand } } = {
  Start: {
    async up() {
      const { flashKbFull, flashKbMin, provisionFlash, stampsOf } = await import('../../hardware/cli/provision.ts')
      const { faultFlags, loadFlags, settingsFlags } = await import('../../hardware/cli/meter-flags.ts')
      const meterOptions = [
        'Load of the meter',
        ...loadFlags,
        'Settings of the meter',
        ...settingsFlags,
        'Faults of the meter, for tests',
        ...faultFlags,
        'Line',
      ]
      const { upCommand } = await import('../../emulation/cli/up.ts')
      return upCommand({ provisionFlash, stampsOf, meterOptions, flashKbMin, flashKbFull })
    },
    async bridge() {
      const { createService, systemdNotify } = await import('../../hardware/cli/service-notify.ts')
      const { bridgeCommand } = await import('./bridge.ts')
      return bridgeCommand({
        serviceOf: (env, failed) => createService(env, systemdNotify(env, failed)),
        loadModels: async () => (await import('../../emulation/cli/bridge-models.ts')).bridgeModels,
      })
    },
    meter: async () => (await import('../../hardware/cli/meter.ts')).meterCommand,
    clock: async () => (await import('../../emulation/cli/clock.ts')).clockCommand,
  },
  'Ask as a User': {
    read: async () => (await import('./read.ts')).readCommand,
    schedule: async () => (await import('./schedule.ts')).scheduleCommand,
    async collect() {
      const { readCsv, readTextFile } = await import('../../hardware/cli/text-file.ts')
      return (await import('./collect.ts')).collectCommand({ readCsv, readTextFile })
    },
    inventory: async () => (await import('./inventory.ts')).inventoryCommand,
    access: async () => (await import('./access.ts')).accessCommand,
    sign: async () => (await import('./sign.ts')).signCommand,
    codes: async () => (await import('./codes.ts')).codesCommand,
  },
  'Set up meters, boards and the registry': {
    async provision() {
      const side = await import('../../hardware/cli/provision.ts')
      return (await import('./provision.ts')).provisionCommand(side)
    },
    async flash() {
      const { flashCommand } = await import('../../hardware/cli/flash.ts')
      return flashCommand((await import('./first-read.ts')).readFirst)
    },
    async import() {
      const { readCsv, readTextFile } = await import('../../hardware/cli/text-file.ts')
      return (await import('./import.ts')).importCommand({ readCsv, readTextFile })
    },
    user: async () => (await import('./user.ts')).userCommand,
    feed: async () => (await import('./feed.ts')).feedCommand,
    who: async () => (await import('./who.ts')).whoCommand,
    validate: async () => (await import('./validate.ts')).validateCommand,
    backup: async () => (await import('./backup.ts')).backupCommand,
    restore: async () => (await import('./restore.ts')).restoreCommand,
  },
  'Control a running bench': {
    control: async () => (await import('./control.ts')).controlCommand,
  },
  'See what happened': {
    stats: async () => (await import('./stats.ts')).statsCommand,
    performance: async () => (await import('./performance.ts')).performanceCommand,
    report: async () => (await import('./report.ts')).reportCommand,
    completeness: async () => (await import('./completeness.ts')).completenessCommand,
    audit: async () => (await import('./audit.ts')).auditCommand,
    pending: async () => (await import('./pending.ts')).pendingCommand,
    waiting: async () => (await import('./waiting.ts')).waitingCommand,
    counters: async () => (await import('./counters.ts')).countersCommand,
  },
  'Plan capacity': {
    forecast: async () => (await import('../../emulation/cli/forecast.ts')).forecastCommand,
    rehearse: async () => (await import('../../emulation/cli/rehearse.ts')).rehearseCommand,
  },
  'Examine a line': {
    doctor: async () => (await import('./doctor.ts')).doctorCommand,
    trace: async () => (await import('./trace.ts')).traceCommand,
    replay: async () => (await import('./replay.ts')).replayCommand,
    parity: async () => (await import('./parity.ts')).parityCommand,
  },
  'Shell and manual': {
    completion: async () => (await import('./completion.ts')).completionCommand(allCommands),
    man: async () => (await import('./man.ts')).manCommand(allCommands),
  },
}

/** All commands, loaded, in their groups. */
export function loadCommands(): Promise<{ title: string; commands: Command[] }[]> {
  const loaded = Object.entries(commandGroups).map(async ([title, loads]) => ({
    title,
    commands: await Promise.all(Object.values(loads).map((load) => load())),
  }))
  return Promise.all(loaded)
}

async function allCommands(): Promise<Command[]> {
  return (await loadCommands()).flatMap(({ commands }) => commands)
}
