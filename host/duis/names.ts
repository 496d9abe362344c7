// Namespaces and algorithm names, as the DUIS and MMC schemas and XMLDSIG write them.

/** DUIS messages; prefix `sr`. */
export const serviceNamespace = 'http://www.dccinterface.co.uk/ServiceUserGateway'
/** MMC content of SMETS1 responses; prefix `ra`. */
export const responseNamespace = 'http://www.dccinterface.co.uk/ResponseAndAlert'
/** XMLDSIG; prefix `ds`. */
export const signatureNamespace = 'http://www.w3.org/2000/09/xmldsig#'
/** xsi:schemaLocation and xsi:type, which any client may write. */
export const instanceNamespace = 'http://www.w3.org/2001/XMLSchema-instance'
/** Types that xsi:type may name. */
export const schemaNamespace = 'http://www.w3.org/2001/XMLSchema'

/** The algorithms of DUIS signatures. No others are accepted, so that a downgrade is not possible. */
export const algorithms = {
  canonicalization: 'http://www.w3.org/2001/10/xml-exc-c14n#',
  signature: 'http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha256',
  transform: 'http://www.w3.org/2000/09/xmldsig#enveloped-signature',
  digest: 'http://www.w3.org/2001/04/xmlenc#sha256',
} as const

/** The XML declaration of every document that is sent. It is not part of the canonical form. */
export const xmlDeclaration = '<?xml version="1.0" encoding="UTF-8"?>\n'
