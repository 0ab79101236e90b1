/**
 * Stands in for `@peculiar/x509` (wrangler.toml, `[alias]`): the WebAuthn library walks a certificate chain only to a root
 * that it was given, and none is; for `reflect-metadata`, which that package alone needs; and for `@peculiar/asn1-android`,
 * for a format of attestation that is refused before the library sees it. What is undefined here throws when it is used,
 * so a chain is refused, never believed.
 */
export const X509Certificate = undefined;
export const X509ChainBuilder = undefined;
export const AuthorityKeyIdentifierExtension = undefined;
export const CRLDistributionPointsExtension = undefined;
export const SubjectKeyIdentifierExtension = undefined;
export const X509Crl = undefined;
export const KeyDescription = undefined;
export const id_ce_keyDescription = undefined;
