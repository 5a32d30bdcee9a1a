/**
 * No request, answer or stream takes work out of proportion to its size, however it is made. Larger sizes, and every dialect
 * into every other: `linear-work.slow.test.ts`.
 */
import { expect, test } from "bun:test"
import { estimateInputTokens } from "../../../src/dialects/messages/token-estimate.ts"
import { ChunkedReader } from "../../../src/http/chunked.ts"
import { decisionOf } from "../../../src/routing/policy/decision.ts"
import { FrameSplitter } from "../../../src/sse/frames.ts"
import { heapStats } from "bun:jsc"
import { loadConfig } from "../../../src/config/load.ts"
import { Gathered } from "../../../src/http/gathered.ts"
import { questionOf } from "../../../src/admin/explain.ts"
import { NO_REQUEST_FACTS } from "../../../src/dialects/dialect.ts"
import { stateOf } from "../../../src/dialects/observer-state.ts"
import { DIALECTS as DIALECT_NAMES } from "../../../src/dialects/registry.ts"
import { scanObject } from "../../../src/json/scan.ts"
import { judgedFrame } from "../../../src/pipeline/apart/judged-frame.ts"
import { readEngineText } from "../../../src/upstream/engine-text.ts"
import { jsonText } from "../../../src/routing/policy/http.ts"
import { firstTurns } from "../../../src/routing/affinity/first-turns.ts"
import { parseRequestHead } from "../../../src/server/http/head.ts"
import { ResponseDecoder } from "../../../src/upstream/http/decoder.ts"
import { expectLinear } from "../../helpers/linear.ts"
import { answered, FAULTS, governed, refused, WHOLE_ANSWERS } from "../../helpers/linear-answers.ts"
import { ANSWERS, REQUESTS, scanned, streamed, translated } from "../../helpers/linear-cases.ts"
import { sampled } from "../../helpers/sample.ts"
import { DIALECTS, SAMPLES, type Dialect } from "../../helpers/samples.ts"

const times = (count: number, line: (at: number) => string): string =>
  Array.from({ length: count }, (_, at) => line(at)).join("")

/** Each in turn, so that every dialect is written. */
const inTurn = <Case>(cases: readonly Case[]): (Case & { readonly to: Dialect })[] =>
  cases.map((one, index) => ({ ...one, to: DIALECTS[index % DIALECTS.length]! }))

test.each(sampled(inTurn(REQUESTS), 6))(
  "a request is read and written: $dialect to $to, with many $name",
  ({ dialect, to, make }) => {
    expectLinear(translated(dialect, to, make), 1000)
  },
)

test("namespaces of tools are looked up, however many there are", () => {
  const { make } = REQUESTS.find(({ dialect, name }) => dialect === "responses" && name === "namespaces")!
  expectLinear(translated("responses", "responses", make), 4000, Infinity)
})

test.each(sampled(REQUESTS, 6))(
  "a body is scanned, and its shape is told: $dialect with many $name",
  ({ dialect, make }) => {
    expectLinear(scanned(dialect, make), 4000)
  },
)

test.each(sampled(inTurn(ANSWERS), 6))(
  "a stream is read and written: $dialect to $to, with many $name",
  ({ dialect, to, make }) => {
    expectLinear(streamed(dialect, to, make), 1000)
  },
)

test.each(sampled(inTurn(WHOLE_ANSWERS), 6))(
  "a whole answer is judged and written: $dialect to $to, with many $name",
  ({ dialect, to, make }) => {
    expectLinear(answered(dialect, to, make), 2000)
  },
)

test.each(sampled(FAULTS, 3))("an upstream's error is read, masked and written: many $name", ({ make }) => {
  expectLinear(refused(make), 1000)
})

test.each(sampled(inTurn(REQUESTS), 6))(
  "a request is edited, and ids are looked for: $dialect with many $name",
  (one) => {
    expectLinear(governed(one.make, one.dialect), 2000)
  },
)

test("heads of requests and of answers are read, whatever fills them, in pieces too", () => {
  const heads: Readonly<Record<string, (count: number) => string>> = {
    fields: (count) => Array.from({ length: count }, (_, at) => `x-${at}: 1\r\n`).join(""),
    doubled: (count) => "x: 1\r\n".repeat(count),
    long: (count) => `x: ${" a".repeat(count)}\r\n`,
  }
  const tried = (work: () => unknown): unknown => {
    try {
      return work()
    } catch (error) {
      return error
    }
  }
  for (const make of sampled(Object.values(heads), 1)) {
    expectLinear((count) => {
      const fields = make(4 * count)
      return () => tried(() => parseRequestHead(`GET / HTTP/1.1\r\nhost: a\r\n${fields}\r\n`))
    })
    expectLinear((count) => {
      const bytes = Buffer.from(`HTTP/1.1 200 OK\r\n${make(count)}\r\n`)
      return () =>
        tried(() => {
          const decoder = new ResponseDecoder()
          for (let at = 0; at < bytes.length; at += 7) decoder.push(bytes.subarray(at, at + 7))
        })
    }, 2000)
  }
})

test("a configuration is read", () => {
  const kinds: Readonly<Record<string, (count: number) => string>> = {
    callers: (count) => `callers:\n${times(count, (at) => `  - { id: c${at}, allow: [a] }\n`)}`,
    groups: (count) => `models:\n${times(count, (at) => `  g${at}: { strategy: static, targets: [] }\n`)}`,
    unknown: (count) => times(count, (at) => `k${at}: 1\n`),
    references: (count) => `server:\n  listen: "${"${A}".repeat(count)}"\n`,
  }
  for (const make of sampled(Object.values(kinds), 1)) {
    expectLinear((count) => {
      const text = make(count)
      return () => loadConfig({ path: "/config.yaml", env: { A: "a" }, readFile: () => text }).findings.length
    }, 1000)
  }
})

test("texts of policy services and engines are read, and conversations known again", () => {
  expectLinear((count) => {
    const bytes = Buffer.from(JSON.stringify({ fallbacks: times(count, (at) => `"m${at}"`) }))
    return () => jsonText(bytes)
  })
  expectLinear((count) => {
    const text = 'vllm:num_requests_running{a="1"} 3\n'.repeat(count)
    return () => readEngineText(text, "vllm")
  })
  expectLinear((count) => {
    const items = Buffer.from(JSON.stringify(Array.from({ length: count }, () => ({ role: "user", content: "word" }))))
    return () => firstTurns(items)
  })
})

test.each(sampled([1, 3, 700, 20_000], 1))(
  "what is gathered of pieces of %d bytes takes at most eight bytes for each",
  (size) => {
    const held = (): number => {
      Bun.gc(true)
      const { heapSize, extraMemorySize } = heapStats()
      return heapSize + extraMemorySize
    }
    const bytes = 4_000_000
    const before = held()
    const gathered = new Gathered()
    // as a socket brings it: each a view of something larger
    for (let sent = 0; sent < bytes; sent += size) gathered.add(new Uint8Array(2 * size).subarray(0, size))
    expect(held() - before).toBeLessThan(8 * bytes)
    expect(gathered.heldBytes).toBeLessThan(8 * bytes)
    expect(gathered.take().length).toBe(Math.ceil(bytes / size) * size)
  },
)

test("events are split, whether they are many, or one that comes in many pieces", () => {
  const pieces: Readonly<Record<string, (count: number) => Buffer[]>> = {
    many: (count) => [Buffer.from("data: 1\n\n".repeat(count))],
    one: (count) => Array.from({ length: count }, () => Buffer.from("data: 1\n")),
    blank: (count) => [Buffer.from("\n".repeat(count))],
  }
  for (const make of Object.values(pieces)) {
    expectLinear((count) => {
      const all = make(count * 8)
      return () => {
        const splitter = new FrameSplitter(Infinity)
        return all.map((piece) => {
          splitter.push(piece)
          let frames = 0
          while (splitter.next()) frames++
          return frames
        })
      }
    })
  }
})

test("chunks are taken off the wire, however small", () => {
  expectLinear((count) => {
    const wire = Buffer.from("1\r\nx\r\n".repeat(count * 8))
    // the reader moves bytes together in what it is given
    return () => new ChunkedReader().push(Buffer.from(wire), 0, () => {})
  })
})

test("tokens are estimated, and decisions of policies read", () => {
  expectLinear((count) => {
    const content = Array.from({ length: count }, () => ({ type: "text", text: "word" }))
    return () => estimateInputTokens({ messages: [{ role: "user", content }] })
  })
  expectLinear((count) => {
    const json = JSON.stringify({
      target: { provider: "p", model: "m" },
      fallbacks: Array.from({ length: count }, (_, at) => ({ provider: "p", model: `m${at}` })),
    })
    return () => decisionOf(json, [])
  })
})

test("questions of administrators are read, whatever fills them", () => {
  const dialectAt = (): undefined => undefined
  const bodies: Readonly<Record<string, (count: number) => object>> = {
    members: (count) => Object.fromEntries(Array.from({ length: count }, (_, at) => [`k${at}`, at])),
    caller: (count) => ({ caller: "c".repeat(count), request: {} }),
    request: (count) => ({
      caller: "c",
      request: { messages: Array.from({ length: count }, () => ({ role: "user" })) },
    }),
    path: (count) => ({ caller: "c", path: "/v1".repeat(count), request: {} }),
  }
  for (const make of Object.values(bodies))
    expectLinear((count) => {
      const bytes = Buffer.from(JSON.stringify(make(4 * count)))
      return () => {
        try {
          return questionOf(scanObject(bytes, Infinity), dialectAt).body.length
        } catch (error) {
          return error
        }
      }
    }, 1000)
})

test.each(sampled(inTurn(ANSWERS), 6))(
  "a large event is judged and cut: $dialect, with many $name",
  ({ dialect, make }) => {
    const { configName: name } = SAMPLES[dialect]
    const state = stateOf(DIALECT_NAMES[name].createObserver(NO_REQUEST_FACTS))
    expectLinear((count) => {
      const [longest = ""] = make(count).toSorted((left, right) => right.length - left.length)
      const bytes = Buffer.from(longest.replace(/\}(?=\s*$)/u, `,"novelty":[${"{},".repeat(5 * count)}{}]}`))
      return () => judgedFrame(bytes, { dialect: name, state, use: { is: "translate", seen: [] } }).bytes?.length
    }, 1000)
  },
)

test("work that grows faster is found", () => {
  const steep = (count: number) => () => {
    let sum = 0
    for (let outer = 0; outer < count / 400; outer++)
      for (let left = 0; left < count; left++) for (let right = 0; right < count; right++) sum += left ^ right
    return sum
  }
  expect(() => expectLinear(steep, 500)).toThrow()
})
