// npm run docs: writes the generated pages of docs/reference/.

import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { root } from '../support/repository.ts'
import { generatedPages } from './pages.ts'

for (const [name, text] of Object.entries(await generatedPages())) {
  writeFileSync(join(root, 'docs/reference', name), text)
}
