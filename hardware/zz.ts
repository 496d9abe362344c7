import { outsideSubset } from './espruino-subset.ts'
import { transformSync } from 'esbuild'
import { readFileSync, readdirSync } from 'node:fs'
for (const f of [...readdirSync('protocol').map(x=>'protocol/'+x), ...readdirSync('firmware').map(x=>'firmware/'+x), 'hardware/espruino.ts'].filter(x=>x.endsWith('.ts'))) {
  const js = transformSync(readFileSync(f,'utf8'), { loader: 'ts', target: 'esnext' }).code
  for (const x of outsideSubset(js)) console.log(f, x, js.split('\n')[x.line-1])
}
const b = readFileSync('/tmp/esp/v-F.js','utf8'); console.log(outsideSubset(b, true).slice(0,20))
const b2 = readFileSync('/tmp/esp/bundle.js','utf8'); console.log(outsideSubset(b2, true).slice(0,20).map(x=>[x, b2.split('\n')[x.line-1]]))
