// Records of delimited text, whatever separator and line ending it was written with.

import { type CsvError, parse } from 'csv-parse/sync'

export interface CsvRecord {
  /** Line of the file on which the record ends, counted from 1. */
  line: number
  /** Cells without surrounding blanks. */
  cells: string[]
}

export type CsvRecords =
  | { ok: true; separator: string; records: CsvRecord[] }
  | { ok: false; line: number | undefined; reason: string }

const recordCharactersMax = 65536
/** Lines that are looked at to find the separator. */
const sampledLines = 50
/** The comma last: in a file with another separator it is a decimal comma. */
const separators = ['\t', ';', '|', ','] as const

function withoutQuoted(line: string): string {
  return line.replace(/"[^"]*"/g, '')
}

/** The separator that most of the first lines have; a comma if none has any. */
function separatorOf(text: string): string {
  const lines = text
    .slice(0, sampledLines * 2000)
    .split(/\r\n|\n|\r/, sampledLines)
    .map(withoutQuoted)
    .filter((line) => line.trim() !== '' && !line.startsWith('#'))
  const share = (separator: string) => lines.filter((line) => line.includes(separator)).length / lines.length
  return separators.find((separator) => share(separator) > 0.5) ?? ','
}

/** The line that begins with `sep=` tells Excel the separator; it is no record. */
const separatorLine = /^sep=(.)[ \t]*(?:\r\n|\n|\r|$)/i

/**
 * Reads delimited text: separators are a tab, semicolon, vertical bar or comma; lines end with LF, CR LF or CR; blank
 * lines are left out. A record of more than 65,536 characters is an error. Never throws on content.
 */
export function readCsv(text: string): CsvRecords {
  const declared = separatorLine.exec(text)
  const body = declared === null ? text : text.slice(declared[0].length)
  const separator = declared?.[1] ?? separatorOf(body)
  const firstLine = declared === null ? 0 : 1
  const records: CsvRecord[] = []
  try {
    parse(body, {
      bom: true,
      delimiter: separator,
      max_record_size: recordCharactersMax,
      record_delimiter: ['\r\n', '\n', '\r'],
      relax_column_count: true,
      relax_quotes: true,
      skip_empty_lines: true,
      trim: true,
      on_record(cells: string[], { lines }) {
        if (cells.some((cell) => cell !== '')) records.push({ line: lines + firstLine, cells })
        return null
      },
    })
  } catch (error) {
    const { lines, message } = error as CsvError & { lines?: number }
    return { ok: false, line: lines === undefined ? undefined : lines + firstLine, reason: message }
  }
  return { ok: true, separator, records }
}

/** Cuts empty cells from the ends of records: separators at the end of a line are no cells. */
export function cutEmptyTails(records: CsvRecord[]): void {
  for (const { cells } of records) while (cells.at(-1) === '') cells.pop()
}
