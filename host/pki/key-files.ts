// Certificates and private keys in files. Every error names the file and says how to correct it.

import { createPrivateKey, type KeyObject, X509Certificate } from 'node:crypto'
import { readFileSync, statSync } from 'node:fs'
import { CommandError, exitCode } from '../state/errors.ts'
import { type TrustedSigner, trustedSigner } from './trust.ts'

/** An error that ends a command with the exit code for keys. */
export function keyError(message: string): CommandError {
  return new CommandError(exitCode.keyMissing, message)
}

/** Larger than any certificate or key. */
const bytesMax = 65536

function readText(file: string, what: string): Buffer {
  let bytes: Buffer
  try {
    bytes = readFileSync(file)
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException
    if (code === 'ENOENT') throw keyError(`${file} is missing: restore this ${what} from a copy`)
    if (code === 'EACCES')
      throw keyError(`${file} may not be read by this user: give the ${what} to its owner with chown`)
    throw keyError(`${file} cannot be read: ${message}`)
  }
  if (bytes.length > bytesMax) throw keyError(`${file} is too large for a ${what}: expected one in PEM`)
  return bytes
}

/** A certificate in PEM or DER. Of several in one file, the first. @throws CommandError */
export function readCertificate(file: string): X509Certificate {
  const bytes = readText(file, 'certificate')
  try {
    return new X509Certificate(bytes)
  } catch {
    throw keyError(`${file} is not a certificate in PEM (-----BEGIN CERTIFICATE-----), or is damaged: restore it`)
  }
}

/** The certificate of a party that signs. @throws CommandError */
export function readSigner(file: string): TrustedSigner {
  const pem = readCertificate(file).toString()
  try {
    return trustedSigner(pem)
  } catch (error) {
    throw keyError(`${file}: ${(error as Error).message}`)
  }
}

/** A private key in PEM, without a passphrase. @throws CommandError when others may read the file, too */
export function readPrivateKey(file: string): KeyObject {
  const bytes = readText(file, 'key')
  const mode = statSync(file).mode & 0o777
  // Windows has no such mode bits.
  if (process.platform !== 'win32' && (mode & 0o077) !== 0)
    throw keyError(`others may read the key ${file} (mode ${mode.toString(8)}); fix: chmod 600 '${file}'`)
  try {
    return createPrivateKey(bytes)
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code === 'ERR_MISSING_PASSPHRASE')
      throw keyError(`${file} has a passphrase: write it without one, as in: openssl pkey -in '${file}' -out NEW.key`)
    throw keyError(`${file} is not a private key in PEM (-----BEGIN PRIVATE KEY-----), or is damaged: restore it`)
  }
}
