// Who is between the DSP and a SMETS1 meter, and what the sources say about them: the S1SPs with their cohorts, the CSPs, and
// the DCO. No published text gives delays, losses or limits in numbers: those of the models are the user's.

/** Where a statement comes from. Sections are those of the SECMP0162 preliminary impact assessment, by their titles. */
export interface Stated {
  says: string
  source: string
}

export interface WanProvider {
  kind: 'S1SP' | 'CSP' | 'DCO'
  /** As in `s1sp` and `csp` of a device. */
  name: string
  /** Cohorts of an S1SP, as in `cohort` of a device. Which are whose is an assumption where `stated` says so. */
  cohorts: readonly string[]
  stated: readonly Stated[]
}

const assumed = 'an assumption'

export const wanProviders: readonly WanProvider[] = [
  {
    kind: 'S1SP',
    name: 'CGI Instant Energy',
    cohorts: ['IOC Itron', 'IOC Aclara', 'IOC Elster-Honeywell'],
    stated: [
      {
        says: 'requests of Itron and Aclara devices should be rate limited, or their APNs are overloaded',
        source: 'risk MP162-R4',
      },
      { says: 'scenarios B and C need a cache', source: 'section SMETS1 CGI Instant Energy Solution' },
      {
        says: 'all three scenarios are more requests than its production has',
        source: 'section SMETS1 CGI Instant Energy Solution',
      },
      { says: 'these makes are its cohorts', source: assumed },
    ],
  },
  {
    kind: 'S1SP',
    name: 'Secure Meters',
    cohorts: ['MOC Secure'],
    stated: [
      { says: '26 to 58 % more transactions a second', source: 'section SMETS1 Secure Meter Impact' },
      {
        says: 'the service of wake-up SMS (SMS MDA/sec) and its CSP systems must grow',
        source: 'section SMETS1 Secure Meter Impact',
      },
    ],
  },
  {
    kind: 'S1SP',
    name: 'Trilliant',
    cohorts: ['MOC MDS'],
    stated: [
      {
        says: 'a cache is needed, so that further requests do not reach the device',
        source: 'section SMETS1 Trilliant Impact',
      },
      { says: 'MDS is its cohort', source: assumed },
    ],
  },
  {
    kind: 'S1SP',
    name: 'DXC',
    cohorts: ['FOC Landis+Gyr', 'FOC EDMI'],
    stated: [
      { says: 'few devices of the FOC cohort are enrolled, so estimates vary', source: 'section SMETS1 DXC Impact' },
      { says: 'it serves Landis+Gyr and EDMI', source: assumed },
    ],
  },
  {
    kind: 'CSP',
    name: 'Secure S1CSP-1',
    cohorts: [],
    stated: [
      {
        says: 'carries more than 90 % of the production traffic and is materially impacted',
        source: 'assumption MP162-A9',
      },
    ],
  },
  {
    kind: 'CSP',
    name: 'Secure S1CSP-2',
    cohorts: [],
    stated: [{ says: 'is not materially impacted', source: 'assumption MP162-A9' }],
  },
  {
    kind: 'CSP',
    name: 'Vodafone',
    cohorts: [],
    stated: [
      {
        says: 'is not meaningfully impacted, given more IP addresses in the APN pool',
        source: 'section SMETS1 Vodafone Impact',
      },
    ],
  },
  {
    kind: 'CSP',
    name: 'Telefonica',
    cohorts: [],
    stated: [
      { says: 'has few SMETS1 devices; the impact was not evaluated', source: 'section SMETS1 Telefonica Impact' },
    ],
  },
  {
    kind: 'DCO',
    name: 'Critical Software, Capgemini',
    cohorts: [],
    stated: [
      {
        says: 'its target of 4 s holds for every call: it cannot tell what is for settlement, and has no priorities',
        source: 'issue MP162-I2',
      },
      {
        says: 'more requests may need another architecture',
        source: 'sections SMETS1 Critical Software Impacts and SMETS1 Capgemini DCO Impact',
      },
    ],
  },
]
