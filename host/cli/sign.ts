// smets1 sign: signs a request in a file as a User.

import { readFileSync } from 'node:fs'
import { signDocument } from '../duis/sign.ts'
import { responseLimits } from '../duis/xml.ts'
import { readXmlSource } from '../duis/xml-source.ts'
import { type Identity, identityOf, loadIdentity } from '../pki/test-pki.ts'
import { loadRegistry } from '../runtime/state-registry.ts'
import { CommandError, exitCode } from '../state/errors.ts'
import { type Command, type Options, stateOption, textOption } from './command.ts'
import { userOption } from './request-options.ts'

function signerOf(options: Options): Identity {
  const key = textOption(options, 'key')
  const certificate = textOption(options, 'certificate')
  if (key !== undefined && certificate !== undefined) return identityOf('--key', certificate, key)
  if (key !== undefined || certificate !== undefined)
    throw new CommandError(exitCode.usage, '--key and --certificate go together: give both, or --as')
  const paths = stateOption(options)
  return loadIdentity(paths.pki, userOption(options, loadRegistry(paths)).name)
}

/** The text of a document. @throws CommandError */
function documentOf(file: string): string {
  const bytes = (() => {
    try {
      return readFileSync(file === '-' ? 0 : file)
    } catch (error) {
      throw new CommandError(exitCode.usage, `${file} cannot be read: ${(error as Error).message}`)
    }
  })()
  if (bytes.length > responseLimits.bytesMax)
    throw new CommandError(exitCode.usage, `${file} has ${bytes.length} bytes, at most ${responseLimits.bytesMax}`)
  const decoded = readXmlSource(bytes)
  if (decoded.ok) return decoded.source
  throw new CommandError(exitCode.usage, `${file}: ${decoded.detail}`)
}

export const signCommand: Command = {
  name: 'sign',
  argument: '<file>',
  summary: 'sign a DUIS request in a file as a User, and print it; - is standard input',
  options: [
    'Who signs',
    ['--as <user>', 'a User with a key in the state directory: a name or an EUI-64', 'supplier'],
    ['--key <file>', 'sign with this private key (PEM, mode 600) instead'],
    ['--certificate <file>', 'the certificate of that key (PEM)'],
    'State',
    ['--state <dir>', 'the state directory with keys and registry', '.smets1'],
  ],
  examples: ['smets1 sign request.xml --as mdr > signed.xml', 'smets1 sign - --key my.key --certificate my.pem'],
  async run(options, io) {
    const file = String(options.argument)
    const identity = signerOf(options)
    const text = documentOf(file)
    let signed: string
    try {
      signed = signDocument(text, identity.signer)
    } catch (error) {
      throw new CommandError(exitCode.usage, `${file}: ${(error as Error).message}`)
    }
    io.stdout(signed.endsWith('\n') ? signed : `${signed}\n`)
    return exitCode.ok
  },
}
