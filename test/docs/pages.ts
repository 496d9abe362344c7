// The pages of docs/reference that are made from the tables of the program.

import { scenarioSchema } from '../../emulation/rehearsal/scenario-schema.ts'
import { registrySchema } from '../../host/access/registry-schema.ts'
import { alertCodes, alertMeanings } from '../../host/catalogue/alert-code.ts'
import { faultCodes, sentCodes } from '../../host/catalogue/response-code.ts'
import { wanProviders } from '../../host/catalogue/wan-providers.ts'
import { flagsOf } from '../../host/cli/command.ts'
import { loadCommands } from '../../host/cli/commands.ts'
import { commandHelp } from '../../host/cli/help.ts'
import { configSchema } from '../../host/config/config-schema.ts'
import { settingDefaults, settings } from '../../host/config/settings.ts'
import { type Call, grants, scopes } from '../../host/http/control/call.ts'
import { calls } from '../../host/http/control/calls.ts'
import { faultEffects } from '../../host/http/control/fault-rule.ts'
import { openApiDocument } from '../../host/http/control/open-api.ts'
import { membersOf } from '../../host/http/control/shape.ts'
import { noTimes, noTotals } from '../../host/metrics/event-totals.ts'
import { prometheusText } from '../../host/metrics/prometheus.ts'
import { logLevels } from '../../host/runtime/bridge-log.ts'
import { errorTable } from '../../host/state/errors.ts'
import { gauges } from '../support/bench/gauges.ts'
import { repositoryText } from '../support/repository.ts'

/** A Markdown table. A vertical bar inside a cell is escaped. */
function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) => `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`
  return [line(head), line(head.map(() => '---')), ...rows.map(line)].join('\n')
}

const code = (text: string) => `\`${text}\``

/** A page: its title, a line that says from what it is made, and its parts. */
function page(title: string, source: string, parts: readonly string[]): string {
  const note = `Made from \`${source}\` by \`npm run docs\`: change it there.`
  return `${[`# ${title}`, note, ...parts].join('\n\n')}\n`
}

/** The help of every command, without the exit codes at its end. */
async function commandsPage(): Promise<string> {
  const groups = await loadCommands()
  const list = groups.flatMap(({ title, commands }) =>
    commands.map(({ name, summary }) => [title, `[\`${name}\`](#${name})`, summary]),
  )
  const helps = groups.flatMap(({ commands }) =>
    commands.map((command) => {
      const help = commandHelp(command).split('\n\nExit codes:')[0]
      return `## ${command.name}\n\n\`\`\`text\n${help}\n\`\`\``
    }),
  )
  const flags = groups.flatMap(({ commands }) => commands.flatMap(flagsOf)).length
  const about = `${list.length} commands, ${flags} flags. [Exit codes](exit-codes.md) are the same for all.`
  return page('Commands', 'host/cli/commands.ts', [about, table(['group', 'command', 'what it does'], list), ...helps])
}

function exitCodesPage(): string {
  const rows = Object.entries(errorTable).map(([name, { exitCode, meaning, fix }]) => [
    String(exitCode),
    name,
    meaning,
    fix,
  ])
  const about = 'With `--json` data is on standard output and messages on standard error.'
  const all = [['0', '', 'ok', ''], ...rows]
  return page('Exit codes', 'host/state/errors.ts', [table(['code', 'name', 'meaning', 'what to do'], all), about])
}

function codesPage(): string {
  const sent = sentCodes(faultCodes).map((row) => [
    row.code,
    row.name,
    row.when,
    row.faults.map(code).join(', '),
    row.confidence,
  ])
  const alerts = Object.entries(alertCodes).map(([cause, alert]) => [
    alert,
    code(cause),
    alertMeanings[cause as keyof typeof alertCodes],
    'M',
  ])
  return page('Response and alert codes', 'host/catalogue/', [
    'Sure: S stated by a published source, M our assumption. `smets1 codes` shows the source of each, and what `config.json` has ' +
      'changed. The setting `codes` has faults as keys, `alertCodes` has causes: `{ "codes": { "replayed": "E52" } }`.',
    table(['code', 'name', 'sent when', 'faults', 'sure'], sent),
    '## Alerts of the DCC',
    table(['code', 'cause', 'sent when', 'sure'], alerts),
  ])
}

/** Every setting: its name in `config.json`, variable, values and default. */
function settingsPage(): string {
  const shown = new Map<string, unknown>(Object.entries(settingDefaults))
  const rows = settings.map(({ name, env, expected }) => {
    const inFile = name === 'keysBoxed' ? 'keys.boxed' : name
    const value = shown.get(name)
    return [code(inFile), code(env), expected, value === undefined ? 'none' : code(JSON.stringify(value))]
  })
  return page('Settings and environment', 'host/config/settings.ts', [
    'Defaults < `config.json` in the state directory < environment < flags (the name in kebab-case; `lineUrl` is `--port`; which ' +
      'command takes which: [commands](commands.md)). `smets1 validate` checks the file. A misspelt setting or `SMETS1_…` variable ends ' +
      'the program with exit code 2.',
    table(['in `config.json`', 'variable', 'value', 'default'], rows),
    'Objects that only `config.json` has: `codes` and `alertCodes` ([codes](codes.md)), `targetResponseTimes` ' +
      '([assumptions](assumptions.md)), `schedule` ([windows, schedules and reports](../how-to/schedules.md)), `wan` and `dco` ' +
      '([a slow WAN, a busy DCO](../how-to/wan-and-dco.md)).',
    'JSON Schemas for an editor: [config.schema.json](config.schema.json), [registry.schema.json](registry.schema.json); ' +
      '`smets1 validate --print-schema config` prints the one of your version. `config.json` may name it as `$schema`. `smets1 validate` ' +
      'checks both files by these schemas, and what a schema cannot say: check digits, dates, and rows that do not fit together.',
    '## Other variables',
    table(
      ['variable', 'read by'],
      [
        ['`SMETS1_BRIDGE`, `SMETS1_METER`', 'the systemd units: flags of the two services'],
        ['`NODE_EXTRA_CA_CERTS`', "Node: an authority for https, for example of a User's callback"],
        ['`DUIS_SCHEMA`, `ESPRUINO`, `ESPRUINO_SMALL`', 'tests only: your schemas, your builds of Espruino'],
      ],
    ),
  ])
}

/** Metrics from the text that the bridge serves, with one value of each so that labels show. */
function metricsPage(): string {
  const once = { '4.8.1 I0': 1 }
  const totals = { ...noTotals(), requests: once, answers: once, late: { '4.8.1': 1 }, failures: { noResponse: 1 } }
  const times = { ...noTimes(), count: 1 }
  const all = { ...totals, answerTimes: { '4.8.1': times }, halfHours: { 'active-import meter': 1 } }
  const text = prometheusText({ ...all, deliveries: { delivered: 1 }, deviceReads: 1, readsSaved: 1 }, times, gauges)
  const rows = [...text.matchAll(/# HELP (\S+) (.*)\n# TYPE \S+ (\S+)\n(\S+)/g)].map(([, name, help, type, sample]) => {
    const labels = [...(sample ?? '').matchAll(/(\w+)="/g)].map(([, label]) => code(label ?? ''))
    return [code(name ?? ''), type ?? '', labels.join(', '), help ?? '']
  })
  const about =
    'Served by `--metrics-port` ([how to](../how-to/prometheus.md)). Times are in seconds. `smets1 stats` shows the same totals.'
  return page('Metrics', 'host/metrics/prometheus.ts', [about, table(['name', 'type', 'labels', 'meaning'], rows)])
}

/** Log events from the text of the type that declares them. */
function logEventsPage(): string {
  const source = repositoryText('host/state/log-event.ts').split('export interface LogEvents {\n')[1] ?? ''
  const body = (source.split('\n}\n')[0] ?? '').replace(/ *\/\*\*.*\*\/\n/g, '')
  const levels = new Map<string, string>(Object.entries(logLevels))
  const parts = body.split(/^ {2}\/\/ (.*)$/m).slice(1)
  const sections: string[] = []
  for (let i = 0; i < parts.length; i += 2) {
    const events = [...(parts[i + 1] ?? '').matchAll(/^ {2}('[^']+'|\w+): ([\s\S]*?)(?=\n {2}['\w]|\n*$(?![\s\S]))/gm)]
    const rows = events.map(([, quoted = '', type = '']) => {
      const name = quoted.replaceAll("'", '')
      const acknowledged = 'requestId, srv, code, reason, details'
      const fields = [...type.matchAll(/(\w+\??): |\[detail: string\]/g)].map(([, field]) => field ?? 'details')
      return [code(name), levels.get(name) ?? 'info', type === 'Acknowledged' ? acknowledged : fields.join(', ')]
    })
    sections.push(`## ${(parts[i] ?? '').split('. ')[0]}`, table(['event', 'level', 'fields'], rows))
  }
  const about =
    'Each line of `bridge.log` is one JSON object: `level`, `time` (UTC), `event`, and the fields below. MPANs and keys are removed. ' +
    '[Where the log goes](../how-to/log-rotation.md).'
  return page('Log events', 'host/state/log-event.ts', [about, ...sections])
}

/** The members of a call's input: those it needs first. */
function membersText({ input }: Call): string {
  const needed: unknown[] = Array.isArray(input.schema.required) ? input.schema.required : []
  const names = Object.keys(membersOf(input))
  const optional = names.filter((name) => !needed.includes(name)).map((name) => `[${name}]`)
  return [...names.filter((name) => needed.includes(name)), ...optional].map(code).join(' ')
}

/** The calls of the control API, and the rules that make faults. */
function controlPage(): string {
  const rows = calls.map((call) => [
    code(call.name),
    code(`${call.method} ${call.path}`),
    call.scope,
    membersText(call),
    call.summary,
  ])
  const effects = Object.entries(faultEffects).map(([effect, meaning]) => [code(effect), meaning])
  const grantRows = scopes.map((scope) => [code(scope), grants[scope].join(', ')])
  return page('Control API', 'host/http/control/calls.ts', [
    'Served on loopback by `smets1 up`, and by `smets1 bridge --console-port 8080` ([how to](../how-to/control-api.md)). With `smets1 ' +
      'control NAME member=value` each can be made from a shell; as HTTP, members are in the path, in the query of a GET or DELETE, ' +
      'otherwise in a JSON body. A running bench serves `GET /openapi.json` without a token; the document of this version: ' +
      '[control.openapi.json](control.openapi.json).',
    table(['call', 'HTTP', 'scope', 'members', 'what it does'], rows),
    '## Scopes',
    'Each scope has a token: `control/SCOPE.token` in the state directory, mode 0600, another with each start.',
    table(['token of', 'makes calls of'], grantRows),
    '## Faults',
    'A rule is `effect`, the members that say more of it, and which requests it is for: `user`, `device`, `srv`, from the `nth` on, ' +
      '`count` times, a `share` of them by `seed`. The library has the same rules: `bench.faults.add(rule)`.',
    table(['effect', 'meaning'], effects),
    '## Answers',
    '200 and JSON; else `application/problem+json` (RFC 9457) with `title`, `status`, `detail`: 400 input, 401 no valid token, 403 scope, ' +
      'Host or Origin, 404, 405, 409 not as things are, 413 (64 KB, an import 64 MB), 415, 429 (250 calls a second; 2 a second without a ' +
      'valid token), 504. Calls that change something, or show MPANs or readings, are in the audit trail before they are answered.',
  ])
}

/** What the sources say about S1SPs, CSPs and the DCO. */
function wanProvidersPage(): string {
  const rows = wanProviders.flatMap(({ kind, name, cohorts, stated }) =>
    stated.map(({ says, source }, i) => [
      i === 0 ? kind : '',
      i === 0 ? name : '',
      i === 0 ? cohorts.join(', ') : '',
      says,
      source,
    ]),
  )
  return page('WAN and DCO', 'host/catalogue/wan-providers.ts', [
    'Sections, risks, assumptions and issues are those of the SECMP0162 preliminary impact assessment. The names are what ' +
      '`s1sp`, `cohort` and `csp` of a device may say; any others will do. ' +
      '[The models](../how-to/wan-and-dco.md) of the WAN and of the DCO are set by them.',
    table(['', 'name', 'cohorts', 'stated', 'source'], rows),
  ])
}

/** Text by name of the page in docs/reference/. */
export async function generatedPages(): Promise<{ [name: string]: string }> {
  return {
    'commands.md': await commandsPage(),
    'exit-codes.md': exitCodesPage(),
    'codes.md': codesPage(),
    'settings.md': settingsPage(),
    'metrics.md': metricsPage(),
    'log-events.md': logEventsPage(),
    'control-api.md': controlPage(),
    'control.openapi.json': `${JSON.stringify(openApiDocument('http://127.0.0.1:8080'), null, 2)}\n`,
    'wan-providers.md': wanProvidersPage(),
    'config.schema.json': `${JSON.stringify(configSchema(), null, 2)}\n`,
    'scenario.schema.json': `${JSON.stringify(scenarioSchema(), null, 2)}\n`,
    'registry.schema.json': `${JSON.stringify(registrySchema(), null, 2)}\n`,
  }
}
