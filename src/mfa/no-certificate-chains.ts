/**
 * Stands in for what only certificate chains need (wrangler.toml, `[alias]`). The WebAuthn library walks a chain only to a
 * root that it was given, and none is; and the formats below are refused before it is asked (passkeys.ts, `formats`).
 * What is undefined here throws when it is used, so a chain is refused, never believed.
 */

/** `@peculiar/x509`; `reflect-metadata` is what that package alone needs. */
export const X509Certificate = undefined;
export const X509ChainBuilder = undefined;
export const AuthorityKeyIdentifierExtension = undefined;
export const CRLDistributionPointsExtension = undefined;
export const SubjectKeyIdentifierExtension = undefined;
export const X509Crl = undefined;

/** The vendors' roots that come with the library. */
export const Google_Hardware_Attestation_Root_1 = undefined;
export const Google_Hardware_Attestation_Root_2 = undefined;
export const Google_Hardware_Attestation_Root_3 = undefined;
export const Google_Hardware_Attestation_Root_4 = undefined;
export const GlobalSign_Root_CA = undefined;
export const GlobalSign_Root_CA_R3 = undefined;
export const GlobalSign_Root_R46 = undefined;
export const Apple_WebAuthn_Root_CA = undefined;

/** Formats that are nothing without such a root. */
export const verifyAttestationAndroidKey = undefined;
export const verifyAttestationAndroidSafetyNet = undefined;
export const verifyAttestationApple = undefined;
