// Every maximum that both ends of the line share, in one place (SPEC.md section 2 gives the reasons).

/** Bytes of one frame on the line, its closing zero included. */
export const frameBytesMax = 256

/** Bytes of one packet before CRC-16 and COBS: 256 - 1 (closing zero) - 1 (COBS) - 2 (CRC). */
export const packetBytesMax = 252

/** Bytes of Poly1305 tag in front of every sealed message. */
export const tagBytes = 16

/** Bytes of an open message: what a packet holds after an answer's header (4) and the tag. */
export const messageBytesMax = packetBytesMax - 4 - tagBytes

/** Answer frames that one ask may bring; the asker asks again for what is left. */
export const answerBlocksMax = 255

/** Half-hours that one ask may name: 13 months, the cap of DUIS (397 days of 48). */
export const halfHoursPerAskMax = 19056

/** Nesting of arrays that a decoder follows. */
export const cborDepthMax = 4

/** Half-hours of a UTC day, always. */
export const halfHoursPerDay = 48

/** The longest day block: head 4, channel 1, two maps of 6, 48 values of 24 bits, CRC 2. */
export const dayBlockBytesMax = 4 + 1 + 12 + 144 + 2

/** Registers of the tariff TOU register matrix. */
export const touRegisters = 48

/** Bytes of blocks, snapshots or events in one answer frame: 232 less an array head, the status, a byte string's head of two. */
export const answerBytesMax = messageBytesMax - 4

/** The longest register snapshot: what one answer frame carries. */
export const snapshotBytesMax = answerBytesMax

/** Bytes of one entry of the event and security logs, in flash and on the line. */
export const eventBytes = 16

/** The most daily reads that a meter keeps; the cap of DUIS on 4.6.1. */
export const dailyReadsMax = 31

/** Entries of the billing data log. */
export const billingEntriesMax = 12

/** Entries of the event log, and of the security log. */
export const eventEntriesMax = 100

/** Bytes of a tariff switching table. */
export const tariffBytesMax = 160

/** How long an awake meter waits for an ask before it sleeps again. */
export const sessionIdleMs = 10000

/** Sessions of one boot: the number travels in 16 bits. */
export const sessionsPerBootMax = 65535

/** Asks of one session: the counter travels in 16 bits. */
export const asksPerSessionMax = 65535
