// Validation against the DUIS and MMC XML schemas. They are not part of this product: the user points at a copy, for
// instance the src/main/resources folder of the DCC's own signing tool.

import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import {
  ParseOption,
  XmlBufferInputProvider,
  XmlDocument,
  XmlError,
  XmlLibError,
  XsdValidator,
  xmlRegisterInputProvider,
} from 'libxml2-wasm'
import { responseNamespace, serviceNamespace } from './names.ts'
import { readXmlSource } from './xml-source.ts'

export type Schema = {
  /** What was found, `DUIS 5.4` and `MMC 5.4`; a schema that does not say its version is `DUIS`. */
  versions: string[]
  /** What is wrong with a document by the schema, one sentence each; none when it is valid. */
  validate(xml: string | Uint8Array): string[]
  /** Frees the compiled schema. */
  dispose(): void
}

/** A schema file: only its content matters, the name is for messages. */
export type SchemaFile = { name: string; text: string }

/**
 * Compiles the DUIS schema in a folder, with what it imports. Files are identified by the namespace that they define, which
 * is the same in 5.1 and 5.4, so any version and any file name can be used. There may be only one file for each namespace.
 *
 * Throws Error when the folder cannot be read, or as `compileSchema` does.
 */
export function loadSchema(directory: string): Schema {
  const names = readdirSync(directory).filter((name) => name.toLowerCase().endsWith('.xsd'))
  return compileSchema(names.map((name) => ({ name, text: readFileSync(join(directory, name), 'utf8') })))
}

const provider = new XmlBufferInputProvider({})
let registered = false
let compiled = 0

/** As `loadSchema`, from texts. Throws Error when one is missing, there twice, or not a schema. */
export function compileSchema(files: readonly SchemaFile[]): Schema {
  const byNamespace = new Map<string, SchemaFile>()
  for (const file of files) {
    const namespace = /<(?:[\w.-]+:)?schema(?=\s)[^>]*?\stargetNamespace\s*=\s*["']([^"']*)["']/.exec(file.text)?.[1]
    if (namespace === undefined) continue
    const other = byNamespace.get(namespace)
    if (other !== undefined) throw new Error(`both "${other.name}" and "${file.name}" define ${namespace}`)
    byNamespace.set(namespace, file)
  }

  // The files' names contain spaces, which the import of libxml2 does not find. Each gets a name in memory instead.
  const prefix = `smets1-schema-${compiled++}`
  const nameOf = new Map([...byNamespace.keys()].map((namespace, i) => [namespace, `${prefix}-${i}.xsd`]))
  const main = byNamespace.get(serviceNamespace)
  const mainName = nameOf.get(serviceNamespace)
  if (main === undefined || mainName === undefined) throw new Error(`no .xsd file defines ${serviceNamespace}`)
  if (!registered) registered = xmlRegisterInputProvider(provider)
  const bytesOf = ({ text }: SchemaFile) => Buffer.from(withLocations(text, nameOf))
  try {
    for (const [namespace, name] of nameOf) {
      const file = byNamespace.get(namespace)
      if (file !== undefined) provider.addBuffer(name, bytesOf(file))
    }
    const document = XmlDocument.fromBuffer(bytesOf(main), { url: mainName, option: ParseOption.XML_PARSE_NONET })
    try {
      return schemaOf(XsdValidator.fromDoc(document), versionsOf(byNamespace))
    } finally {
      document.dispose()
    }
  } finally {
    for (const name of nameOf.values()) provider.removeBuffer(name)
  }
}

const named: readonly [string, string][] = [
  ['DUIS', serviceNamespace],
  ['MMC', responseNamespace],
]

/**
 * Versions of the DUIS and MMC schemas: the attribute `version`, or, as the DCC writes it, "XML Schema Version" in the
 * comment at the top ("DUIS XML Schema Version - Response - 5.4").
 */
function versionsOf(files: ReadonlyMap<string, SchemaFile>): string[] {
  return named.flatMap(([name, namespace]) => {
    const text = files.get(namespace)?.text.slice(0, headCharactersMax)
    if (text === undefined) return []
    const attribute = /<(?:[\w.-]+:)?schema(?=\s)[^>]*?\sversion\s*=\s*["']([\d.]{1,9})["']/.exec(text)?.[1]
    const version = attribute ?? /XML Schema Version\s*-[^\n]{0,60}?-\s*(\d[\d.]{0,8})/.exec(text)?.[1]
    return [version === undefined ? name : `${name} ${version}`]
  })
}

const headCharactersMax = 8_192

/** The schema text with the location of each import replaced by the name in memory. */
function withLocations(text: string, nameOf: ReadonlyMap<string, string>): string {
  return text.replace(/<(?:[\w.-]+:)?import\s[^>]*>/g, (element) => {
    const namespace = /\snamespace\s*=\s*["']([^"']*)["']/.exec(element)?.[1] ?? ''
    const name = nameOf.get(namespace)
    if (name === undefined) throw new Error(`no .xsd file defines ${namespace}, which another one imports`)
    return element.replace(/(\sschemaLocation\s*=\s*)["'][^"']*["']/, `$1"${name}"`)
  })
}

function schemaOf(validator: XsdValidator, versions: string[]): Schema {
  return {
    versions,
    validate(xml) {
      const decoded = typeof xml === 'string' ? { ok: true as const, source: xml } : readXmlSource(xml)
      if (!decoded.ok) return [decoded.detail]
      const text = decoded.source
      if (/<!(?:DOCTYPE|ENTITY)/i.test(text)) return ['document type or entity declaration']
      let document: XmlDocument | undefined
      try {
        document = XmlDocument.fromString(text, { option: ParseOption.XML_PARSE_NONET | ParseOption.XML_PARSE_NO_XXE })
        validator.validate(document)
        return []
      } catch (error) {
        if (!(error instanceof XmlError)) throw error
        const details = error instanceof XmlLibError ? error.details.map((detail) => detail.message.trim()) : []
        return details.length > 0 ? details : [error.message]
      } finally {
        document?.dispose()
      }
    },
    dispose() {
      validator.dispose()
    },
  }
}
