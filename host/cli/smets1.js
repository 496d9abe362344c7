#!/usr/bin/env node
import './typescript.js'

process.setSourceMapsEnabled(true)
await import('./main.ts')
