#!/usr/bin/env node
// `smets1` from a clone: compiles what has changed, then runs it. An installed package runs dist/host/cli/main.js.

import { compile } from './compile.js'

await compile()
await import('../../dist/host/cli/main.js')
