/** What the configuration of a demo says of the callers of its sample data: who they are, and their limits. */
import { PROGRAMS, type SampleProgram } from "../sample/company.ts"
import { LONGEST_WAIT_MS } from "../sample/month.ts"

/** Entries of lists, as lines of YAML; empty where there is no sample data. */
export interface SampleConfig {
  readonly users: string
  readonly projects: string
  readonly memberships: string
  readonly callers: string
  readonly reports: string
}

export const NO_SAMPLE_CONFIG: SampleConfig = { users: "", projects: "", memberships: "", callers: "", reports: "" }

/** `drawHash`: 64 random hex digits, a hash of no token. */
export function sampleConfig(drawHash: () => string): SampleConfig {
  const users = new Set(PROGRAMS.map(({ user }) => user))
  const projects = new Set(PROGRAMS.map(({ project }) => project))
  const members = new Map(PROGRAMS.map(({ user, project }) => [`${user} ${project}`, { user, project }]))
  return {
    users: listed([...users].map((id) => `{ id: ${id}, name: ${titled(id)} (sample data), type: person }`)),
    projects: listed([...projects].map((id) => `{ id: ${id}, name: ${titled(id)} (sample data) }`)),
    memberships: listed([...members.values()].map(({ user, project }) => `{ user_id: ${user}, project: ${project} }`)),
    callers: `${CALLERS}${PROGRAMS.map((program) => caller(program, drawHash())).join("")}`,
    reports: REPORTS,
  }
}

const CALLERS = `
  # Sample data: the callers of the invented calls that the first start wrote into the usage database. Their tokens are
  # unknown to everybody, so that they call no more.`

const REPORTS = `
  admin_reports:
    baselines: # what reports compare costs with; a model of the sample data
      - id: one-large-model
        name: Everything at north-large (sample data)
        input_price_per_million_usd: 3
        output_price_per_million_usd: 15
        pricing_source: made up for the demo
        pricing_updated_at: "2026-11-01"`

function listed(entries: readonly string[]): string {
  return entries.map((entry) => `\n  - ${entry}`).join("")
}

function caller({ id, user, project, environment, tokenId, tags, limits }: SampleProgram, hash: string): string {
  const { monthUsd, monthRequests, lifetimeTokens, rpm, startsPerSecond } = limits
  const named = Object.entries(tags).map(([name, value]) => `${name}: ${JSON.stringify(value)}`)
  return [
    `  - id: ${id}`,
    `owner_user: ${user}`,
    `project: ${project}`,
    `environment: ${environment}`,
    `token_sha256: ${hash}`,
    `token_id: ${tokenId}`,
    "allow: [default]",
    `tags: { ${named.join(", ")} }`,
    ...(monthUsd === undefined ? [] : [`spend: { month_usd: ${monthUsd} }`]),
    ...(monthRequests === undefined ? [] : [`quota: { month: { requests: ${monthRequests} } }`]),
    ...(lifetimeTokens === undefined ? [] : [`key: { lifetime_tokens: ${lifetimeTokens} }`]),
    ...(rpm === undefined ? [] : [`rate: { rpm: ${rpm} }`]),
    ...(startsPerSecond === undefined ? [] : shaping(startsPerSecond)),
  ]
    .map((line, index) => `\n${index === 0 ? "" : "    "}${line}`)
    .join("")
}

function shaping(startsPerSecond: number): readonly string[] {
  return [
    "traffic_shape:",
    `  request_start_per_sec: ${startsPerSecond}`,
    `  request_burst: ${startsPerSecond}`,
    `  queue: { enabled: true, max_wait_ms: ${LONGEST_WAIT_MS}, max_depth: 20 }`,
  ]
}

function titled(id: string): string {
  return `${id.charAt(0).toUpperCase()}${id.slice(1)}`
}
