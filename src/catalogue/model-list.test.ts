/** Each known form of a list of models, and lists that mean harm. */
import { describe, expect, test } from "bun:test"
import { isModelId, llamaFacts, MOST_MODELS, nearestModel, ollamaFacts, readModelList } from "./model-list.ts"

const one = (json: unknown) => readModelList(json)!.models[0]!

describe("the list of", () => {
  test("OpenAI names models and nothing more", () => {
    const json = { object: "list", data: [{ id: "gpt-5", object: "model", created: 1, owned_by: "openai" }] }
    expect(one(json)).toEqual({
      id: "gpt-5",
      owner: "openai",
      contextTokens: null,
      maxOutputTokens: null,
      inputModalities: null,
      tools: null,
      toolChoice: null,
      structuredOutputs: null,
      reasoning: null,
      prices: null,
    })
  })

  test("Anthropic has windows, caps and capabilities, and pages", () => {
    const supported = (is: boolean) => ({ supported: is })
    const capabilities = {
      image_input: supported(true),
      structured_outputs: supported(false),
      thinking: supported(true),
    }
    const model = { type: "model", id: "claude-x", max_input_tokens: 200_000, max_tokens: 64_000, capabilities }
    const list = readModelList({ data: [model], has_more: true, first_id: "claude-x", last_id: "claude-x" })!
    expect(list.hasMore).toBe(true)
    expect(list.models[0]).toMatchObject({
      contextTokens: 200_000,
      maxOutputTokens: 64_000,
      inputModalities: ["text", "image"],
      structuredOutputs: false,
      reasoning: true,
      tools: null,
    })
  })

  test("vLLM and SGLang has windows", () => {
    expect(
      one({ object: "list", data: [{ id: "Qwen/Qwen3-32B", owned_by: "vllm", max_model_len: 40_960 }] }),
    ).toMatchObject({
      id: "Qwen/Qwen3-32B",
      contextTokens: 40_960,
    })
  })

  test("llama.cpp has the window of the server, not that of the training", () => {
    const entry = { id: "m.gguf", owned_by: "llamacpp", meta: { n_ctx: 8192, n_ctx_train: 131_072 } }
    expect(
      one({ models: [{ model: "m.gguf", capabilities: ["completion", "multimodal"] }], data: [entry] }),
    ).toMatchObject({
      owner: "llamacpp",
      contextTokens: 8192,
      inputModalities: ["text", "image"],
    })
    expect(one({ data: [{ ...entry, meta: { n_ctx_train: 131_072 } }] }).contextTokens).toBeNull()
    expect(llamaFacts({ default_generation_settings: { n_ctx: 4096 }, modalities: { vision: false } })).toEqual({
      contextTokens: 4096,
      inputModalities: ["text"],
    })
  })

  test("Ollama is a list of its own, and each model is asked about", () => {
    const tags = { models: [{ name: "qwen3:8b", model: "qwen3:8b", size: 1, details: { family: "qwen3" } }] }
    expect(one(tags).id).toBe("qwen3:8b")
    expect(
      ollamaFacts({
        parameters: 'num_ctx                        8192\nstop  "x"',
        capabilities: ["completion", "tools", "vision"],
        model_info: { "qwen3.context_length": 40_960 },
      }),
    ).toEqual({ contextTokens: 8192, inputModalities: ["text", "image"], tools: true, reasoning: false })
    expect(ollamaFacts({ model_info: { "qwen3.context_length": 40_960 } })).toEqual({ contextTokens: null })
  })

  test("OpenRouter has prices, windows and parameters", () => {
    const model = {
      id: "vendor/m:free",
      context_length: 8192,
      architecture: { input_modalities: ["image", "text", "file"] },
      pricing: { prompt: "0.0000003", completion: "0.00000125", input_cache_read: "0", request: "0" },
      top_provider: { context_length: 4096, max_completion_tokens: 1024 },
      supported_parameters: ["tools", "structured_outputs"],
    }
    expect(one({ data: [model] })).toMatchObject({
      contextTokens: 4096,
      maxOutputTokens: 1024,
      inputModalities: ["text", "image"],
      tools: true,
      toolChoice: false,
      structuredOutputs: true,
      reasoning: false,
      prices: {
        usdPerMillion: {
          input_price_per_million_usd: 0.3,
          cached_input_price_per_million_usd: 0,
          output_price_per_million_usd: 1.25,
        },
      },
    })
    // what varies is -1, what costs nothing is unknown
    for (const prompt of ["-1", "0"])
      expect(one({ data: [{ ...model, pricing: { prompt, completion: "0" } }] }).prices).toBeNull()
  })

  test("a server that puts it at the top", () => {
    expect(one([{ id: "m", context_length: 10 }])).toMatchObject({ id: "m", contextTokens: 10 })
  })
})

test("ids that could do harm in a configuration are left out and counted", () => {
  const bad = ["${OPENAI_API_KEY}", "a b", 'a"b', "a\nb", "", "-x", "x".repeat(201), "é", "a#b", "{a}", "`a`", "a,b"]
  const list = readModelList({ data: [...bad.map((id) => ({ id })), { id: 7 }, null, { id: "good" }] })!
  expect(list.models.map(({ id }) => id)).toEqual(["good"])
  expect(list.refused).toBe(bad.length + 2)
  for (const id of ["@cf/meta/llama-3", "accounts/x/models/y", "gpt-5.1", "m:free", "~latest/x", "a+b"])
    expect(isModelId(id)).toBe(true)
})

test("a list is bounded, sorted, and names each model once", () => {
  const ids = [...Array(MOST_MODELS + 5).keys()].map((index) => `m${String(9_999_999 - index)}`)
  const list = readModelList({ data: ids.map((id) => ({ id })) })!
  expect([list.models.length, list.leftOut]).toEqual([MOST_MODELS, 5])
  expect(list.models.map(({ id }) => id)).toEqual(ids.slice(0, MOST_MODELS).toSorted())
  expect(readModelList({ data: [{ id: "a" }, { id: "a" }] })!.models).toHaveLength(1)
})

test("what is no list is none", () => {
  for (const json of [null, 1, "x", {}, { data: {} }, { data: null }, { models: "x" }])
    expect(readModelList(json)).toBeNull()
})

test("figures that no model has are unknown", () => {
  for (const max_model_len of [0, -1, 1.5, "many", null, 1e12, true])
    expect(one({ data: [{ id: "m", max_model_len }] }).contextTokens).toBeNull()
})

test("a model that a list has under a longer name is found", () => {
  const ids = ["openai/gpt-5-mini", "gpt-5", "${X}"]
  expect(nearestModel("gpt-5-mini", ids)).toBe("openai/gpt-5-mini")
  expect(nearestModel("GPT-5", ids)).toBe("gpt-5")
  expect(nearestModel("gtp-5", ids)).toBe("gpt-5")
  expect(nearestModel("something else", ids)).toBeUndefined()
})
