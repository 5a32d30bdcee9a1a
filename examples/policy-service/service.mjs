/**
 * A routing policy as a service of its own: cheap targets for small calls, and for a caller's project the share of
 * failures of each target, learned from feedback. Runs on Node.js and Bun, needs nothing:
 *
 *   PORT=9100 POLICY_TOKEN=secret node examples/policy-service/service.mjs
 */
import { createServer } from "node:http"

const LARGE_TOKENS = 4000
const MOST_BODY_BYTES = 1_048_576
const token = process.env.POLICY_TOKEN ?? ""
/** By provider and model: how the last calls went. */
const observed = new Map()

const server = createServer(async (request, response) => {
  try {
    if (token !== "" && request.headers.authorization !== `Bearer ${token}`)
      return answer(response, 401, { error: "token" })
    if (request.method !== "POST") return answer(response, 405, { error: "method" })
    const body = JSON.parse(await read(request))
    if (request.url === "/decide") return answer(response, 200, decide(body))
    if (request.url === "/feedback") return answer(response, 200, learn(body))
    return answer(response, 404, { error: "path" })
  } catch (error) {
    return answer(response, 400, { error: String(error) })
  }
})

/** The cheapest target that did not fail lately; large calls skip targets of the tier `cheap` where there are others. */
function decide({ context, targets }) {
  const isLarge = context.estimatedTokens > LARGE_TOKENS
  const order = targets
    .map((target, index) => ({ index, cost: costOf(target, isLarge) }))
    .sort((left, right) => left.cost - right.cost || left.index - right.index)
    .map(({ index }) => index)
  return {
    targetIndex: order[0],
    fallbackIndexes: order.slice(1),
    classLabel: isLarge ? "large" : "small",
    metadata: { decidedAt: Date.now() },
  }
}

function costOf(target, isLarge) {
  const price = target.outputPricePerMillionUsd ?? 100
  const failures = observed.get(`${target.provider} ${target.model}`) ?? 0
  return price + failures * 1000 + (isLarge && target.tier === "cheap" ? 500 : 0)
}

/** An exponential average: 1 is "always failed". */
function learn({ decidedProvider, decidedModel, provider, model, status }) {
  const key = `${decidedProvider ?? provider} ${decidedModel ?? model}`
  const failed = status >= 500 || (decidedProvider !== provider && provider !== null) ? 1 : 0
  observed.set(key, (observed.get(key) ?? 0) * 0.8 + failed * 0.2)
  return { ok: true }
}

function answer(response, status, body) {
  response.writeHead(status, { "content-type": "application/json" })
  response.end(JSON.stringify(body))
}

async function read(request) {
  let text = ""
  for await (const piece of request) {
    text += piece
    if (text.length > MOST_BODY_BYTES) throw new RangeError("the request is too large")
  }
  return text
}

server.listen(Number(process.env.PORT ?? 9100), process.env.HOST ?? "127.0.0.1", () => {
  const { port } = server.address()
  console.log(`the policy service listens on http://127.0.0.1:${port}`)
})
