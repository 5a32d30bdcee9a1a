/** Callers of a configuration with many of them. */
import { createHash } from "node:crypto"

/** The entry of one, with limits of three kinds and a tag. */
export function callerOf(number: number): object {
  return {
    id: `caller-${number}`,
    owner_user: "me",
    project: "lab",
    environment: "dev",
    status: "active",
    token_sha256: hashOf(number),
    token_id: `rtr_me_lab_dev_k${number}`,
    allow: ["default"],
    rate: { concurrent: 4, rpm: 100 + (number % 50) },
    quota: { day: { tokens: 1_000_000 } },
    tags: { team: `team-${number % 200}` },
  }
}

function hashOf(number: number): string {
  return createHash("sha256").update(`token ${number}`).digest("hex")
}
