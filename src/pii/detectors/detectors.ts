/** The detectors that the router brings: each with a name, the words of its placeholders, and what it finds. */
import type { Find } from "../span.ts"
import { findCards } from "./card.ts"
import { findEmails } from "./email.ts"
import { findIbans } from "./iban.ts"
import { findIps } from "./ip.ts"
import { findPhones } from "./phone.ts"
import { findSecrets } from "./secret.ts"
import { findSsns } from "./us-ssn.ts"
import type { DetectorName } from "../filter.ts"

export interface Detector {
  readonly prefix: string
  readonly find: Find
}

export const DETECTORS: Readonly<Record<DetectorName, Detector>> = {
  secret: { prefix: "SECRET", find: findSecrets },
  email: { prefix: "EMAIL", find: findEmails },
  iban: { prefix: "IBAN", find: findIbans },
  card: { prefix: "CARD", find: findCards },
  us_ssn: { prefix: "US_SSN", find: findSsns },
  ip: { prefix: "IP", find: findIps },
  phone: { prefix: "PHONE", find: findPhones },
}
