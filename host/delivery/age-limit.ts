// How long a response is kept for its User.

/** The longest that a response is tried, or waits in a mailbox: the longest target response time. */
export const giveUpAfterMs = 24 * 3600 * 1000
