import { randomBytes } from 'node:crypto'
import { bundleFirmware } from '../hardware/bundle.ts'
import { boardEui, recordedDaysBefore } from './support/board-flash.ts'
import { runBundle, until } from './support/espruino-process.ts'
const { code } = await bundleFirmware('linux')
const flash = recordedDaysBefore(Date.now(), 3, 13)
const bin = '/opt/espruino/espruino-small'
for (const free of [600, 500, 450, 400, 350, 300, 250, 200, 150, 100]) {
  const then = `print("rest",process.memory().usage,process.memory().total);let a=[];while(process.memory().free>${free})for(let i=0;i<10;i++)a.push(0);print("free",process.memory().free)`
  const run = await runBundle(bin, code, flash, 'storage', then)
  try {
    await run.says(/free (\d+)/)
    run.asker.wake(boardEui, new Uint8Array(randomBytes(8))); await until(run.asker.awake, 'awake', 4000)
    run.asker.ask(flash.firstDay * 48, 48 * 3); await until(() => run.asker.days() !== undefined, 'days', 5000)
    console.log(free, 'ok', run.said().includes('MEMORY'))
  } catch (e) { console.log(free, String(e), run.said().slice(-200)) } finally { await run.end() }
}
for (const b of ['/opt/espruino/espruino', bin]) for (let i = 0; i < 3; i++) {
  const run = await runBundle(b, 'let zz=Date.now();' + code + ';print("boot ms", Date.now()-zz, "used", process.memory().usage)', flash, 'storage', '')
  const t = performance.now()
  try { console.log(b, (await run.says(/boot ms.*/))[0], performance.now() - t, run.cpuMs()) } finally { await run.end() }
}
process.exit()
