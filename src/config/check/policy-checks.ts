/** Routing policies of groups: files that can be read, services that may be called, blocks that count. */
import type { Config, GroupConfig } from "../config.ts"
import type { Report } from "../findings.ts"
import { isShadowed } from "../compile/shadow.ts"
import { whyUnreadable, type ReadFile } from "../read/sources.ts"

/** Absolute paths of the script files. What is inside of them is looked at when they are bundled. */
export function reportPolicies(config: Config, readFile: ReadFile, report: Report): readonly string[] {
  const files: string[] = []
  for (const [name, group] of Object.entries(config.models)) {
    const { shadow } = group
    if (shadow !== null && isShadowed(group)) {
      const message = "The group's policy service is its shadow already (external_policy.mode): a group has one."
      report({ code: "invalid-value", path: ["models", name, "shadow"], atKey: true, message })
    }
    for (const [entry, path] of [
      [group, ["models", name]],
      [shadow, ["models", name, "shadow"]],
    ] as const) {
      if (entry === null) continue
      reportUnused(entry, path, report)
      if (entry.strategy === "script" && entry.script !== undefined) {
        files.push(entry.script)
        reportUnreadable(entry.script, [...path, "script"], readFile, report)
      }
      if (entry.strategy === "external") reportService(entry, path, report)
    }
  }
  return files
}

type Entry = Pick<GroupConfig, "strategy" | "script" | "script_limits" | "script_http" | "external_policy">

function reportUnused(group: Entry, path: readonly string[], report: Report): void {
  for (const [key, strategy] of USED_BY) {
    if (group[key] === undefined || group.strategy === strategy) continue
    const message = `${key} counts only with strategy: ${strategy}.`
    report({ severity: "warning", code: "unused-key", path: [...path, key], atKey: true, message })
  }
}

const USED_BY = [
  ["script", "script"],
  ["script_limits", "script"],
  ["script_http", "script"],
  ["external_policy", "external"],
] as const

function reportUnreadable(file: string, path: readonly string[], readFile: ReadFile, report: Report): void {
  try {
    readFile(file)
  } catch (error) {
    report({ code: "unreadable-file", path, message: `The script cannot be read: ${whyUnreadable(error)}.` })
  }
}

function reportService(group: Entry, path: readonly string[], report: Report): void {
  const policy = group.external_policy
  if (policy === undefined) return
  const at = [...path, "external_policy"]
  reportUrl(policy.url, [...at, "url"], policy, report)
  const feedback = policy.feedback?.enabled === true ? policy.feedback.url : undefined
  if (feedback !== undefined) reportUrl(feedback, [...at, "feedback", "url"], policy, report)
}

type Rules = Pick<NonNullable<GroupConfig["external_policy"]>, "allow_hosts" | "allow_http">

/** What can be said without asking the network; the rest is checked at every call. */
function reportUrl(text: string, path: readonly string[], rules: Rules, report: Report): void {
  const url = URL.parse(text)
  if (url === null) return
  const bare = url.hostname.replace(/^\[|\]$/g, "")
  const port = url.port === "" ? (url.protocol === "https:" ? "443" : "80") : url.port
  const names = [url.hostname, bare, `${url.hostname}:${port}`, `${bare}:${port}`]
  if (!rules.allow_hosts.some((host) => names.includes(host.toLowerCase())))
    report({
      code: "invalid-value",
      path,
      message: "The host of this URL is not in allow_hosts, so it would never be called.",
    })
  const isLocal = bare === "localhost" || bare.endsWith(".localhost") || bare === "::1" || bare.startsWith("127.")
  if (url.protocol === "http:" && !isLocal && !rules.allow_http)
    report({
      code: "invalid-value",
      path,
      message: "Without TLS only this machine is called, unless allow_http is true.",
    })
}
