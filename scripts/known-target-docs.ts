/** The table of what is known of upstreams, for docs/dialects.md. */
import { KNOWN_TARGETS, type KnownTarget } from "../src/config/compile/known-targets.ts"

const INTRODUCTION = `## What upstreams take

What the router knows without being told, for calls that come from another dialect. Later rows win over earlier ones; the configuration wins over all, by
[\`accepts\`](configuration.md), [\`reasoning\`](configuration.md), \`output_token_field\` and \`default_output_tokens\` of providers, models and targets. What is
known of reasoning counts only where the configuration says that the model reasons.

| upstream | dialects | hosts, engines | what is known |
|---|---|---|---|
`

export function knownTargetDocs(): string {
  return `${INTRODUCTION}${KNOWN_TARGETS.map(rowText).join("\n")}\n`
}

function rowText(row: KnownTarget): string {
  const where = [...(row.hosts ?? []), ...(row.engines ?? [])].map(code).join(", ")
  const known = [
    ...Object.entries(row.accepts ?? {}).map(([key, value]) => fact(key, value)),
    ...Object.entries(row.reasoning ?? {}).map(([key, value]) => fact(`reasoning.${key}`, value)),
    ...(row.outputTokenField === undefined ? [] : [fact("output_token_field", row.outputTokenField)]),
    ...(row.defaultOutputTokens === undefined ? [] : [fact("default_output_tokens", row.defaultOutputTokens)]),
  ]
  return `| ${row.name} | ${row.dialects.map(code).join(", ")} | ${where} | ${known.join(", ")} |`
}

function fact(key: string, value: unknown): string {
  return code(`${key}: ${valueText(value)}`)
}

function valueText(value: unknown): string {
  if (Array.isArray(value)) return `[${value.join(", ")}]`
  if (typeof value !== "object" || value === null) return String(value)
  const entries = Object.entries(value).map(([key, inner]) => `${key}: ${String(inner)}`)
  return `{ ${entries.join(", ")} }`
}

function code(text: string): string {
  return `\`${text}\``
}
