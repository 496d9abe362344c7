// Why a meter could not be read.

export type ReadFault =
  | 'no key'
  | 'no port'
  | 'no awake'
  | 'no answer'
  | 'wrong key'
  | 'refused'
  | 'malformed'
  | 'DCO too slow'
  | 'too late'

export class ReadError extends Error {
  readonly fault: ReadFault
  constructor(fault: ReadFault, detail: string) {
    super(detail)
    this.fault = fault
  }
}
