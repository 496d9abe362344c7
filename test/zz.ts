import { bundleFirmware } from '../hardware/bundle.ts'
import { cutNacl } from '../hardware/nacl-cut.ts'
import { minify } from 'terser'
import { writeFileSync } from 'node:fs'
console.log((await bundleFirmware('linux')).bytes)
const t = cutNacl().replace('export default { secretbox: secretbox };', '') 
const body = (s: string) => `${s}\nlet K=new Uint8Array(32).fill(3),N=new Uint8Array(24).fill(5),M=new Uint8Array(200).fill(9);let B=secretbox(M,N,K);let t0=Date.now();for(let q=0;q<20;q++)secretbox(M,N,K);let t1=Date.now();for(let q=0;q<20;q++)secretbox.open(B,N,K);let t2=Date.now();print("SEAL",(t1-t0)/20,"OPEN",(t2-t1)/20);quit()`
for (const [n, s] of [['folded', t], ['var', t.replace(/\blet\b/g, 'var')]] as const) writeFileSync(`/tmp/esp/s-${n}.js`, (await minify(body(s), { compress: { inline: 1, ecma: 2015, passes: 2 }, ecma: 2015, mangle: true, toplevel: false })).code!)
