/** The DUIS web services (DUIS XML Schema, comment table of command variants). */
export type Endpoint = 'serviceD' | 'serviceS' | 'serviceT'
