/** `bun bench/micro/pii.ts`: what the filter for personal data costs, of a call without one, and the longest that it holds the event loop. */
import type { DialectName } from "../../src/dialects/name.ts"
import { scanObject, type ScannedObject } from "../../src/json/scan.ts"
import { DETECTOR_NAMES, type PiiFilter, type PiiRule } from "../../src/pii/filter.ts"
import { redactRequest, type Redaction } from "../../src/pii/redact.ts"
import { StreamRestorer } from "../../src/pii/restore-stream.ts"
import { redact } from "../../src/pipeline/redact.ts"
import { agentBody, smallBody } from "../bodies.ts"
import { compare } from "./timing.ts"

const CHAT: DialectName = "openai-chat"
const OWN: readonly PiiRule[] = DETECTOR_NAMES.map((name) => ({ name, expression: null }))
const EXPRESSIONS = [
  String.raw`(?i)\bemp-\d{6}\b`,
  String.raw`(?i)project\s+(alpha|beta|gamma)`,
  String.raw`\b[A-Z]{2}\d{7}\b`,
  String.raw`(?i)\b[a-z0-9._%+-]+@[a-z0-9.-]+\.[a-z]{2,}\b`,
  String.raw`\b\d{3}-\d{2}-\d{4}\b`,
]
const OPERATORS: readonly PiiRule[] = EXPRESSIONS.map((expression, at) => ({
  name: `rule-${at}`,
  expression,
  prefix: "X",
}))

function filterOf(rules: readonly PiiRule[]): PiiFilter {
  const parts = { system: true, messages: true, responses_input: true, tool_results: true, image_urls: false }
  return { rules, parts, blocks: false, restores: true, maxReplacements: Infinity, mode: "redact_and_restore" }
}

function bodyOf(text: string): ScannedObject {
  return scanObject(new TextEncoder().encode(text), Infinity)
}

function filtered(body: ScannedObject, rules: readonly PiiRule[]): Redaction {
  const work = redactRequest(body, CHAT, filterOf(rules), { key: "key", longestText: Infinity })
  for (let step = work.next(); ; step = work.next()) if (step.done === true) return step.value
}

const PERSONAL = " Write to jane.roe@example.com or +49 170 1234567, card 4111 1111 1111 1111. "
const withPersonal = (text: string): string => text.replace('"role":"user","content":"', (found) => found + PERSONAL)

/** So many bytes of messages, as an agent's conversation has them. */
function largeBody(bytes: number): string {
  const { messages, ...rest } = JSON.parse(agentBody("bench")) as { readonly messages: readonly unknown[] }
  const times = Math.ceil(bytes / Buffer.byteLength(JSON.stringify(messages)))
  return JSON.stringify({ ...rest, messages: Array.from({ length: times }, () => messages).flat() })
}

for (const [title, text, runs] of [
  ["small body", smallBody("bench"), 2000],
  ["agent body", agentBody("bench"), 20],
  ["large body", largeBody(8_000_000), 1],
] as const) {
  const plain = bodyOf(text)
  const personal = bodyOf(withPersonal(text))
  compare(`${title}, ${plain.bytes.length} bytes`, runs, {
    "nothing found": () => filtered(plain, OWN),
    "something found": () => filtered(personal, OWN),
    "with five expressions": () => filtered(plain, [...OWN, ...OPERATORS]),
  })
}

const none = { group: { piiFilter: null } } as never
compare("a call of a group without a filter", 1_000_000, { "the step": () => redact(none, none) })

const { values } = filtered(bodyOf(withPersonal(smallBody("bench"))), OWN)
const chunk = { id: "c", object: "chat.completion.chunk", created: 1, model: "m" }
const frameOf = (content: string): Uint8Array =>
  Buffer.from(
    `data: ${JSON.stringify({ ...chunk, choices: [{ index: 0, delta: { content }, finish_reason: null }] })}\n\n`,
  )
const restorer = new StreamRestorer(CHAT, values)
const [placeholder = ""] = values.keys()
const frames = { plain: frameOf(" and then"), whole: frameOf(`to ${placeholder}`) }
const halves = [frameOf(placeholder.slice(0, 8)), frameOf(placeholder.slice(8))]
compare("an event of a stream that is restored", 20_000, {
  "without a placeholder": () => restorer.frame(frames.plain),
  "with one": () => restorer.frame(frames.whole),
  "in two events, both": () => halves.map((half) => restorer.frame(half)),
})

/** Texts that are made to be slow. */
const HOSTILE = [
  "a",
  "4",
  "4 ",
  "@",
  "a@",
  "1:",
  "DE12 ",
  "(200",
  "\\",
  "123-45-",
  "jane@example.com ",
  "emp-123456 project alpha ",
]
const longest = { ms: 0, unit: "" }
const hostileTexts = HOSTILE.map(
  (unit) => [unit, unit.repeat(Math.ceil(65_000 / unit.length)).slice(0, 65_000)] as const,
)
const manyValues = JSON.stringify(Array.from({ length: 9000 }, (_, at) => (at % 2 === 0 ? at : "a")))
for (const [unit, text] of [...hostileTexts, ["many values", manyValues] as const]) {
  const body = bodyOf(JSON.stringify({ messages: [{ role: "user", content: text }] }))
  for (let round = 0; round < 3; round++) {
    const work = redactRequest(body, CHAT, filterOf([...OWN, ...OPERATORS]), { key: "key", longestText: 1 << 16 })
    let isDone = false
    while (!isDone) {
      const from = process.cpuUsage()
      // as `src/pipeline/redact.ts` takes turns
      for (let cost = 0; !isDone && cost < 1 << 17;) {
        const step = work.next()
        isDone = step.done === true
        cost += step.done === true ? 0 : step.value
      }
      const { user, system } = process.cpuUsage(from)
      const ms = (user + system) / 1000
      if (round > 0 && ms > longest.ms) Object.assign(longest, { ms, unit })
    }
  }
}
process.stdout.write(
  `the longest turn on a hostile text: ${longest.ms.toFixed(1)} ms, of ${JSON.stringify(longest.unit)}\n`,
)
