/** One reading of HTTP: no request and no answer is read in another way than llhttp reads it. */
import { expect, test } from "bun:test"
import { emptyTally, fuzzOnce, unjudged } from "./fuzz.ts"
import { judgeRequests, judgeResponse } from "./judge.ts"

const GET = "GET /v1/usage HTTP/1.1\r\nHost: h\r\n\r\n"
const post = (...fields: readonly string[]): string =>
  `${["POST /v1/messages HTTP/1.1", "Host: h", ...fields].join("\r\n")}\r\n\r\n`
const answer = (...fields: readonly string[]): string => `${["HTTP/1.1 200 OK", ...fields].join("\r\n")}\r\n\r\n`
const CHUNKED = "Transfer-Encoding: chunked"
const GOOD = post("Content-Length: 1")

/** What was read wrongly once, or nearly. */
const REQUESTS: Readonly<Record<string, string>> = {
  "equal lengths, the second with a space":
    post(`Content-Length: ${GET.length}`, `Content-Length: ${GET.length} `) + GET,
  "another length behind a remembered head":
    `${post("Content-Length: 1", "Content-Length: 1 ")}x` + post("Content-Length: 0", "Content-Length: 1 ") + GET,
  "a second length with a no-break space": post("Content-Length: 0", `Content-Length: ${GET.length}\u00a0`) + GET,
  "a remembered head, then one with two lengths": `${GOOD}x${post("Content-Length: 0", "Content-Length: 5")}${GET}`,
  "a length with a no-break space": post(`Content-Length: ${GET.length}\u00a0`) + GET,
  "a length with a tab": `${post("Content-Length: 1\t")}x${GET}`,
  "chunked with a no-break space": `${post(`${CHUNKED}\u00a0`)}0\r\n\r\n${GET}`,
  "chunked behind a no-break space": `${post("Transfer-Encoding: \u00a0chunked")}0\r\n\r\n${GET}`,
  "chunked twice": `${post(CHUNKED, CHUNKED)}0\r\n\r\n${GET}`,
  "a NUL in the target": "GET /a\0b HTTP/1.1\r\nHost: h\r\n\r\n",
  "an ESC in the target": "GET /a\u001bb HTTP/1.1\r\nHost: h\r\n\r\n",
  "a bare CR in the target": "GET /a\rb HTTP/1.1\r\nHost: h\r\n\r\n",
  "a bare LF in the query": "GET /a?b\nc HTTP/1.1\r\nHost: h\r\n\r\n",
  "bare line ends": "GET / HTTP/1.1\nHost: h\n\n",
  "a target that is no path": "GET v1/models HTTP/1.1\r\nHost: h\r\n\r\n",
  "Host twice": "GET / HTTP/1.1\r\nHost: h\r\nHost: h\r\n\r\n",
  "a Host with a path": "GET / HTTP/1.1\r\nHost: h/x\r\n\r\n",
  "a list of Hosts": "GET / HTTP/1.1\r\nHost: h, h\r\n\r\n",
  "a control character in a chunk extension": `${post(CHUNKED)}1;a=\u0001\r\nx\r\n0\r\n\r\n${GET}`,
  "half a line end in a chunk extension": `${post(CHUNKED)}1;a\rb\r\nx\r\n0\r\n\r\n${GET}`,
  "a length in the trailers": `${post(CHUNKED)}0\r\nContent-Length: 5\r\n\r\n${GET}`,
  "a trailer without a colon": `${post(CHUNKED)}0\r\nx\r\n\r\n${GET}`,
  "a body behind CONNECT": `CONNECT h:443 HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\nabc${GET}`,
  "another minor version": `GET / HTTP/1.2\r\nHost: h\r\n\r\n${GET}`,
}

const ANSWERS: Readonly<Record<string, string>> = {
  "two equal lengths": `${answer("Content-Length: 1", "Content-Length: 1")}x`,
  "a list of equal lengths": `${answer("Content-Length: 1, 1")}x`,
  "a length with a no-break space": `${answer("Content-Length: 1\u00a0")}x`,
  "a length and chunks": `${answer("Content-Length: 5", CHUNKED)}0\r\n\r\n`,
  "chunked with a no-break space": `${answer(`${CHUNKED}\u00a0`)}0\r\n\r\n`,
  "a space before the colon of a length": `${answer("Content-Length : 1")}xy`,
  "a folded length": `${answer("X-A: b\r\n Content-Length: 1")}x`,
  "a control character in a field": `${answer("X-A: a\u0001b", "Content-Length: 1")}x`,
  "chunks that end with a bare LF": `${answer(CHUNKED)}1\nx\n0\n\n`,
  "a space behind a chunk size": `${answer(CHUNKED)}1 \r\nx\r\n0\r\n\r\n`,
  "another protocol": `HTTP/1.1 101 Switching\r\nUpgrade: x\r\n\r\n${answer("Content-Length: 0")}`,
  "a length in the trailers": `${answer(CHUNKED)}0\r\nContent-Length: 5\r\n\r\n`,
}

test.each(Object.entries(REQUESTS))("%s is refused as llhttp refuses it, or before", async (_, wire) => {
  const bytes = Buffer.from(wire, "latin1")
  expect((await judgeRequests(bytes, [])).kind).not.toBe("laxer")
  expect((await judgeRequests(bytes, Array.from(bytes.keys()))).kind).not.toBe("laxer")
})

test.each(Object.entries(ANSWERS))("an answer with %s is refused as llhttp refuses it, or before", (_, wire) => {
  const bytes = Buffer.from(wire, "latin1")
  for (const ended of [true, false]) {
    expect(judgeResponse(bytes, [], ended).kind).not.toBe("laxer")
    expect(judgeResponse(bytes, Array.from(bytes.keys()), ended).kind).not.toBe("laxer")
  }
})

test("the two readings agree on what is sent every day", async () => {
  const wire = `${GOOD}x${post(CHUNKED)}3;a="b c"\r\nabc\r\n0\r\nX-T: 1\r\n\r\n${post("Content-Length: 2")}yz${GET}`
  expect(await judgeRequests(Buffer.from(wire), [])).toEqual({ kind: "same" })
  const told = `HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n${answer("Content-Length: 1")}x`
  expect(judgeResponse(Buffer.from(told), [], false)).toEqual({ kind: "same" })
  expect(judgeResponse(Buffer.from(`${answer(CHUNKED)}1\r\nx\r\n0\r\n\r\n`), [], false)).toEqual({ kind: "same" })
  expect(judgeResponse(Buffer.from(`${answer()}until the end`), [], true)).toEqual({ kind: "same" })
})

test("no wire of two thousand is read otherwise, and every refusal of ours alone has its reason", async () => {
  const tally = emptyTally()
  for (let seed = 1; seed <= 2000; seed++) await fuzzOnce(seed, tally)
  expect(tally.laxer).toEqual([])
  expect(unjudged(tally)).toEqual([])
  expect(tally.same).toBeGreaterThan(tally.wires / 2)
})
