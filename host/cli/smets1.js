#!/usr/bin/env node
// Runs the TypeScript as it is: tsx translates it on the way in.
import { register } from 'tsx/esm/api'

register()
await import('./main.ts')
