// Where a meter is on the WAN.

export interface WanPlace {
  cohort: string
  csp: string
}

/** A place as a key. */
export const nameOf = ({ csp, cohort }: WanPlace) => `${csp}\n${cohort}`
