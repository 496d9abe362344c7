// What the script and its installation call of Espruino, with the first release that has it and a piece of code that is
// true on a board that has it. Read from the release tags of Espruino's source (RELEASE_1V44 to RELEASE_2V29), and for
// what came later from the snapshot c5ff787b1; the methods of Date were asked for on builds of 2v25, 2v29 and the snapshot.

export interface EspruinoCall {
  /** As a person writes it: `E.CRC32`, `String charCodeAt()`. */
  name: string
  /** The first release that has it, such as `2v05`. */
  since: string
  /** Code without double quotes that is true where it works. */
  probe: string
  /** True for a script that uses it. */
  isIn(script: string): boolean
}

const samples: { [owner: string]: string } = {
  Array: '[]',
  String: "''",
  Function: '(function(){})',
  Date: '(new Date())',
  Uint8Array: '(new Uint8Array(1))',
}

function method(owner: string, name: string, since: string): EspruinoCall {
  const used = new RegExp(`\\.${name}\\(`)
  const probe = `typeof ${samples[owner]}.${name}=='function'`
  return { name: `${owner} ${name}()`, since, probe, isIn: (script) => used.test(script) }
}

function member(owner: string, name: string, since: string): EspruinoCall {
  const used = new RegExp(`\\b${owner}\\.${name}\\b`)
  const probe = `typeof ${owner}.${name}=='function'`
  return { name: `${owner}.${name}`, since, probe, isIn: (script) => used.test(script) }
}

function global(name: string, since: string): EspruinoCall {
  const used = new RegExp(`(?<![.\\w$])${name}\\b`)
  return { name, since, probe: `typeof ${name}!='undefined'`, isIn: (script) => used.test(script) }
}

/** Functions of a port, such as Serial2. */
function ofPort(port: string, names: readonly string[], since: string): EspruinoCall[] {
  const used = new RegExp(`\\b${port}\\b`)
  const works = names.map((name) => `typeof ${port}.${name}=='function'`).join('&&')
  const probe = `typeof ${port}!='undefined'&&${works}`
  return [{ name: port, since, probe, isIn: (script) => used.test(script) }]
}

/** Of a module: by the name of the function, which no function of ours has once the script is shortened. */
function ofModule(module: 'Flash' | 'Storage', name: string, since: string): EspruinoCall {
  const probe = `typeof require('${module}').${name}=='function'`
  const isIn = (script: string) => script.includes(`"${module}"`) && script.includes(`.${name}(`)
  return { name: `${module}.${name}`, since, probe, isIn }
}

function syntax(name: string, since: string, probe: string, used: RegExp): EspruinoCall {
  return { name, since, probe, isIn: (script) => used.test(script) }
}

/** Since before the oldest release that is looked at. */
const always = '1v44'

/** All that a script may call. The build refuses a script that calls something else (test/hardware/build). */
export const espruinoCalls: readonly EspruinoCall[] = [
  syntax('let in blocks', '2v14', '(()=>{let a=1;{let a=2}return a==1})()', /\blet /),
  syntax('arrow functions', '1v89', '(x=>x*2)(2)==4', /=>/),
  syntax('??', '2v14', '(void 0??7)==7', /\?\?/),
  syntax('for … of', '2v00', '(()=>{let n=0;for(let i of [1,2])n+=i;return n==3})()', /\bfor\(let \w+ of /),
  syntax('template literals', '1v88', "`a`=='a'", /`/),
  syntax('classes', '1v96', '(()=>{class A{b(){return 1}}return new A().b()==1})()', /\bclass\b/),
  syntax(
    'typed arrays',
    '2v10',
    '(()=>{let a=new Uint8Array(4);a.set([1,2],1);return a.subarray(1,3)[1]==2})()',
    /\.subarray\(/,
  ),
  ...['Uint8Array', 'Uint16Array', 'Uint32Array', 'Int32Array', 'Float64Array', 'DataView', 'ArrayBuffer'].map((name) =>
    global(name, '1v58'),
  ),
  ...['Math', 'Date', 'Error', 'Infinity', 'NaN', 'Object', 'Array', 'String', 'Number', 'JSON'].map((name) =>
    global(name, always),
  ),
  ...['abs', 'ceil', 'floor', 'max', 'min', 'round'].map((name) => member('Math', name, '1v64')),
  member('Math', 'sign', '2v16'),
  member('Object', 'keys', always),
  member('Object', 'assign', '1v95'),
  member('Array', 'isArray', '1v58'),
  member('String', 'fromCharCode', always),
  member('JSON', 'stringify', always),
  member('Date', 'now', '1v65'),
  ...['push', 'pop', 'map', 'join', 'indexOf', 'forEach', 'splice'].map((name) => method('Array', name, always)),
  ...['shift', 'unshift', 'reduce'].map((name) => method('Array', name, '1v62')),
  ...['filter', 'some', 'every', 'reverse', 'concat'].map((name) => method('Array', name, '1v65')),
  method('Array', 'includes', '2v05'),
  ...['charCodeAt', 'substr', 'substring', 'split', 'charAt'].map((name) => method('String', name, always)),
  ...['padStart', 'padEnd'].map((name) => method('String', name, '2v08')),
  method('String', 'repeat', '2v00'),
  ...['fill', 'set'].map((name) => method('Uint8Array', name, '1v62')),
  method('Uint8Array', 'subarray', '2v10'),
  ...['call', 'apply'].map((name) => method('Function', name, always)),
  method('Function', 'bind', '1v76'),
  method('Date', 'toISOString', '1v92'),
  ...['getTime', 'getFullYear', 'getMonth', 'getDate', 'getHours'].map((name) => method('Date', name, '1v65')),
  ...['getUTCFullYear', 'getUTCMonth', 'getUTCDate', 'getUTCHours', 'getUTCMinutes', 'getUTCSeconds'].map((name) =>
    method('Date', name, 'builds after 2v29'),
  ),
  ...['setWatch', 'setInterval', 'setTimeout', 'pinMode', 'setDeepSleep', 'print'].map((name) => global(name, always)),
  member('console', 'log', always),
  ...['clearInterval', 'clearTimeout', 'clearWatch'].map((name) => global(name, always)),
  ...['E', 'require', 'process', 'eval'].map((name) => global(name, always)),
  ...['Serial1', 'Serial2', 'Serial3'].flatMap((port) => ofPort(port, ['setup', 'write', 'on'], always)),
  ...['SPI1', 'SPI2'].flatMap((port) => ofPort(port, ['setup', 'send'], always)),
  member('E', 'enableWatchdog', '1v58'),
  member('E', 'kickWatchdog', '1v86'),
  ...['setConsole', 'getConsole', 'CRC32'].map((name) => member('E', name, '2v05')),
  member('E', 'toArrayBuffer', '1v62'),
  member('E', 'reboot', '1v99'),
  ...['atob', 'btoa'].map((name) => global(name, '1v58')),
  ...['read', 'write', 'erasePage', 'getPage'].map((name) => ofModule('Flash', name, '1v80')),
  ofModule('Flash', 'getFree', '1v86'),
  ...['read', 'write', 'erase', 'eraseAll', 'list'].map((name) => ofModule('Storage', name, '1v96')),
  ofModule('Storage', 'getStats', '2v13'),
]

/** What the installation itself sends to a prompt (espruino-prompt.ts, flash-board.ts). */
const installation =
  'E.CRC32 E.toArrayBuffer E.getConsole atob btoa eval print process JSON.stringify ' +
  '"Flash" .read( .getFree( "Storage" .write( .erase( .eraseAll( .list( .getStats('

/** What a script calls, and what its installation calls. */
export function callsIn(script: string): EspruinoCall[] {
  return espruinoCalls.filter((call) => call.isIn(script) || call.isIn(installation))
}

/** A batch of probes in one line of the prompt: less than the smallest receive buffer takes. */
const probeCharactersMax = 220

/** Code that gives 1 or 0 for each probe; a syntax that is not known throws in `eval`. */
export function probeCode(calls: readonly EspruinoCall[]): string {
  const list = calls.map(({ probe }) => `"${probe}"`).join(',')
  return `(function(a){var r=[];for(var i=0;i<a.length;i++){var t=0;try{t=eval(a[i])?1:0}catch(e){}r.push(t)}return r})([${list}])`
}

/** The calls in batches that each fit into a line. */
export function probeBatches(calls: readonly EspruinoCall[]): EspruinoCall[][] {
  const batches: EspruinoCall[][] = []
  let characters = probeCharactersMax
  for (const call of calls) {
    characters += call.probe.length
    if (characters > probeCharactersMax) {
      batches.push([])
      characters = call.probe.length
    }
    batches.at(-1)?.push(call)
  }
  return batches
}
