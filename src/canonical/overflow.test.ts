/** Servers' own sentences, one row each. Numbers: the prompt, the output that is asked for, the limit. */
import { describe, expect, test } from "bun:test"
import { overflowIn, type ErrorWords, type OverflowIs } from "./overflow.ts"

const said = (message: string, more: Partial<ErrorWords> = {}): ErrorWords => ({
  type: null,
  code: null,
  message,
  ...more,
})

type Row = readonly [
  server: string,
  message: string,
  prompt: number | null,
  output: number | null,
  limit: number | null,
]

const TOO_LONG: readonly Row[] = [
  ["Anthropic", "prompt is too long: 213462 tokens > 200000 maximum", 213_462, null, 200_000],
  ["Fireworks", "The prompt is too long: 140000, model maximum context length: 131071", 140_000, null, 131_071],
  [
    "OpenAI (Chat)",
    "This model's maximum context length is 128000 tokens. However, your messages resulted in 130014 tokens. Please reduce the length of the messages.",
    130_014,
    null,
    128_000,
  ],
  [
    "OpenAI (Responses)",
    "Your input exceeds the context window of this model. Please adjust your input and try again.",
    null,
    null,
    null,
  ],
  [
    "Azure",
    "Input tokens exceed the configured limit of 272000 tokens. Your messages resulted in 300120 tokens. Please reduce the length of the messages.",
    300_120,
    null,
    272_000,
  ],
  [
    "an OpenAI account's minute",
    "Request too large for gpt-4o in organization org-x on tokens per min (TPM): Limit 30000, Requested 45000. The input or output tokens must be reduced in order to run successfully.",
    45_000,
    null,
    30_000,
  ],
  [
    "vLLM, prompt alone",
    "This model's maximum context length is 4096 tokens. However, your request has 5000 input tokens. Please reduce the length of the input messages.",
    5000,
    null,
    4096,
  ],
  [
    "vLLM, older engine",
    "The decoder prompt (length 9000) is longer than the maximum model length of 8192. Make sure that `max_model_len` is no smaller than the number of text tokens.",
    9000,
    null,
    8192,
  ],
  [
    "vLLM, newer engine",
    "The prompt (total length 9000) is too long to fit into the model (context length 8192).",
    9000,
    null,
    8192,
  ],
  [
    "vLLM, all filled",
    "You passed 8193 input tokens and requested 0 output tokens. However, the model's context length is only 8192 tokens, resulting in a maximum input length of 8192 tokens. Please reduce the length of the input prompt. (parameter=input_tokens, value=8193)",
    8193,
    0,
    8192,
  ],
  [
    "vLLM, next to nothing left",
    "You passed 31745 input tokens and requested 1024 output tokens. However, the model's context length is only 32768 tokens, resulting in a maximum input length of 31744 tokens.",
    31_745,
    1024,
    32_768,
  ],
  ["SGLang", "The input (12345 tokens) is longer than the model's context length (8192 tokens).", 12_345, null, 8192],
  [
    "SGLang, truncation off",
    "Input length (12345 tokens) exceeds the maximum allowed length (8191 tokens). Use a shorter input or enable --allow-auto-truncate.",
    12_345,
    null,
    8191,
  ],
  [
    "a gateway of SGLang",
    "Input length (265330) exceeds model's maximum context length (262144).",
    265_330,
    null,
    262_144,
  ],
  [
    "llama.cpp",
    "request (11000 tokens) exceeds the available context size (8192 tokens), try increasing it",
    11_000,
    null,
    8192,
  ],
  ["llama.cpp, older", "the request exceeds the available context size, try increasing it", null, null, null],
  [
    "LM Studio",
    "Trying to keep the first 9000 tokens when context the overflows. However, the model is loaded with context length of only 4096 tokens, which is not enough.",
    9000,
    null,
    4096,
  ],
  [
    "LM Studio, newer",
    "The number of tokens to keep from the initial prompt is greater than the context length (n_keep: 5000 >= n_ctx: 4096). Try to load the model with a larger context length, or provide a shorter input",
    5000,
    null,
    4096,
  ],
  [
    "LM Studio, in an answer",
    "Reached context length of 4096 tokens with model (arch: qwen2), but this model does not currently support mid-generation context overflow.",
    null,
    null,
    null,
  ],
  ["Ollama", "prompt too long; exceeded max context length by 100918 tokens", null, null, null],
  ["Ollama, embedded", "the input length exceeds the context length", null, null, null],
  ["DwarfStar", "Prompt has 300,000 tokens, but the configured context size is 131,072 tokens", 300_000, null, 131_072],
  ["Bedrock", "Input is too long for requested model.", null, null, null],
  [
    "Bedrock, Titan",
    "400 Bad Request: Too many input tokens. Max input tokens: 8192, request input token count: 11000",
    11_000,
    null,
    8192,
  ],
  [
    "Gemini",
    "The input token count (1196265) exceeds the maximum number of tokens allowed (1048575).",
    1_196_265,
    null,
    1_048_575,
  ],
  [
    "Vertex AI",
    "Unable to submit request because the input token count is 1251952 but model only supports up to 1048576. Reduce the input token count and try again.",
    1_251_952,
    null,
    1_048_576,
  ],
  ["a gateway", "The request's total token count exceeds the maximum of 131072", null, null, null],
  ["Triton", "Prompt length (9000) exceeds maximum input length (8192).", 9000, null, 8192],
  [
    "Cohere, older",
    "too many tokens: total number of tokens (prompt and prediction) cannot exceed 4081",
    null,
    null,
    null,
  ],
  ["vLLM, older", "Input prompt (9000 tokens) is too long and exceeds limit of 8192", null, null, null],
  ["GLM, in Chinese", "Prompt 超长", null, null, null],
  ["Bedrock, older", "Malformed input request: expected maxLength: 400000, actual: 500000", null, null, null],
  ["a plain server", "Token limit exceeded: 9000 > 8192", null, null, null],
  ["a chat product", "The conversation is too long for this model.", null, null, null],
  ["Gemini, older", "The input token count exceeds the maximum number of tokens allowed 1048576.", null, null, null],
  [
    "xAI",
    "This model's maximum prompt length is 131072 but the request contains 537812 tokens.",
    537_812,
    null,
    131_072,
  ],
  [
    "Mistral",
    "Prompt contains 40000 tokens and 0 draft tokens, too large for model with 32768 maximum context length",
    40_000,
    null,
    32_768,
  ],
  ["Groq", "Please reduce the length of the messages or completion.", null, null, null],
  [
    "Cerebras",
    "Please reduce the length of the messages or completion. Current length is 9000 while limit is 8192",
    9000,
    null,
    8192,
  ],
  [
    "Kimi",
    "Invalid request: Your request exceeded model token limit: 262144 (requested: 291351)",
    291_351,
    null,
    262_144,
  ],
  ["Qwen", "<400> InternalError.Algo.InvalidParameter: Range of input length should be [1, 98304]", null, null, 98_304],
  ["GLM", "Prompt exceeds max length", null, null, null],
  ["MiniMax", "invalid params, context window exceeds limit (2013)", null, null, null],
  ["Doubao", "Total tokens of image and text exceed max message tokens", null, null, null],
  ["GitHub Copilot", "prompt token count of 140000 exceeds the limit of 128000", 140_000, null, 128_000],
  ["GitHub Models", "Request body too large for gpt-4o model. Max size: 8000 tokens.", null, null, 8000],
  [
    "Cohere",
    "too many tokens: total number of tokens in the prompt cannot exceed 128000 - received 130000. Try using a shorter prompt.",
    130_000,
    null,
    128_000,
  ],
  ["TGI", "Input validation error: `inputs` must have less than 4095 tokens. Given: 5000", 5000, null, 4095],
  ["SiliconFlow", "length of prompt_tokens (140000) must be less than max_seq_len (131072).", 140_000, null, 131_072],
  [
    "TensorRT-LLM",
    "The sum of prompt length (9000.0), query length (0) should not exceed max_num_tokens (8192)",
    9000,
    null,
    8192,
  ],
  [
    "OpenRouter, all filled",
    "This endpoint's maximum context length is 163840 tokens. However, you requested about 202000 tokens (169000 of text input, 1000 of tool input, 32000 in the output). Please reduce the length of either one.",
    170_000,
    32_000,
    163_840,
  ],
]

const TOO_LONG_TOGETHER: readonly Row[] = [
  [
    "Anthropic",
    "input length and `max_tokens` exceed context limit: 188240 + 21333 > 200000, decrease input length or `max_tokens` and try again",
    188_240,
    21_333,
    200_000,
  ],
  [
    "OpenAI, DeepSeek, older vLLM",
    "This model's maximum context length is 32768 tokens. However, you requested 41000 tokens (9000 in the messages, 32000 in the completion). Please reduce the length of the messages or completion.",
    9000,
    32_000,
    32_768,
  ],
  [
    "OpenAI, with functions",
    "This model's maximum context length is 16385 tokens. However, you requested 17000 tokens (900 in the messages, 100 in the functions, and 16000 in the completion).",
    1000,
    16_000,
    16_385,
  ],
  [
    "vLLM, later",
    "'max_tokens' or 'max_completion_tokens' is too large: 32000. This model's maximum context length is 32768 tokens and your request has 9000 input tokens (32000 > 32768 - 9000).",
    9000,
    32_000,
    32_768,
  ],
  [
    "vLLM, newer",
    "You passed 9000 input tokens and requested 32000 output tokens. However, the model's context length is only 32768 tokens, resulting in a maximum input length of 768 tokens. Please reduce the length of the input prompt.",
    9000,
    32_000,
    32_768,
  ],
  [
    "vLLM, newest",
    "This model's maximum context length is 51200 tokens. However, you requested 32054 output tokens and your prompt contains at least 20000 input tokens, for a total of at least 52054 tokens. Please reduce the length of the input prompt or the number of requested output tokens.",
    20_000,
    32_054,
    51_200,
  ],
  [
    "vLLM, both counted",
    "This model's maximum context length is 8192 tokens. However, your request has 500 input tokens and 8000 output tokens.",
    500,
    8000,
    8192,
  ],
  [
    "SGLang",
    "Requested token count exceeds the model's maximum context length of 65536 tokens. You requested a total of 67298 tokens: 50914 tokens from the input messages and 16384 tokens for the completion. Please reduce the number of tokens in the input messages or the completion to fit within the limit.",
    50_914,
    16_384,
    65_536,
  ],
  [
    "Together, TGI",
    "Input validation error: `inputs` tokens + `max_new_tokens` must be <= 8193. Given: 3000 `inputs` tokens and 6000 `max_new_tokens`",
    3000,
    6000,
    8193,
  ],
  [
    "OpenRouter",
    "This endpoint's maximum context length is 163840 tokens. However, you requested about 182000 tokens (150000 of text input, 32000 in the output). Please reduce the length of either one.",
    150_000,
    32_000,
    163_840,
  ],
  [
    "a window that is small as a whole",
    "This model's maximum context length is 2048 tokens. However, you requested 4030 tokens (30 in the messages, 4000 in the completion).",
    30,
    4000,
    2048,
  ],
  ["SiliconFlow", "max_total_tokens (140000) must be less than or equal to max_seq_len (131072)", null, null, 131_072],
]

const TOO_MUCH_OUTPUT: readonly Row[] = [
  [
    "Anthropic",
    "max_tokens: 32000 > 8192, which is the maximum allowed number of output tokens for claude-3-5-haiku-20241022",
    null,
    32_000,
    8192,
  ],
  [
    "OpenAI (Chat)",
    "max_tokens is too large: 100000. This model supports at most 16384 completion tokens, whereas you provided 100000.",
    null,
    100_000,
    16_384,
  ],
  [
    "OpenAI (Responses)",
    "Invalid 'max_output_tokens': integer above maximum value. Expected a value <= 128000, but got 200000 instead.",
    null,
    200_000,
    128_000,
  ],
  [
    "vLLM",
    "max_completion_tokens=8192 cannot be greater than max_model_len=max_total_tokens=2048. Please request fewer output tokens.",
    null,
    8192,
    2048,
  ],
  ["TensorRT-LLM", "max_tokens=8888 cannot be greater than max_model_len=3072.", null, 8888, 3072],
  [
    "Bedrock",
    "The maximum tokens you requested exceeds the model limit of 2048. Try again with a maximum tokens value that is lower than 2048.",
    null,
    null,
    2048,
  ],
  ["DeepSeek", "Invalid max_tokens value, the valid range of max_tokens is [1, 8192]", null, null, 8192],
  ["DeepSeek, newer", "max_tokens must be between 0 and 393216", null, null, 393_216],
  ["Qwen", "<400> InternalError.Algo.InvalidParameter: Range of max_tokens should be [1, 8192]", null, null, 8192],
  [
    "Groq",
    "`max_tokens` must be less than or equal to `8192`, the maximum value for `max_tokens` is less than the `context_window` for this model",
    null,
    null,
    8192,
  ],
  [
    "Vertex AI",
    "Unable to submit request because it has a maxOutputTokens value of 100000 but the supported range is from 1 (inclusive) to 65537 (exclusive). Update the value and try again.",
    null,
    100_000,
    65_536,
  ],
  ["Z.ai", "max_completion_tokens is limited to 16384 for glm-5.2", null, null, 16_384],
  ["a plain server", "max_tokens exceeds the limit of 8192", null, null, 8192],
  ["a terse server", "max_tokens is too large", null, null, null],
]

describe.each<readonly [is: OverflowIs, words: string, rows: readonly Row[]]>([
  ["prompt", "the conversation is too long", TOO_LONG],
  ["sum", "conversation and output are too long together", TOO_LONG_TOGETHER],
  ["output", "more output is asked for than there ever is", TOO_MUCH_OUTPUT],
])("%s: %s", (is, _words, rows) => {
  test.each(rows)("in the words of %s", (_server, message, promptTokens, outputTokens, limitTokens) => {
    expect(overflowIn(said(message))).toEqual({ is, promptTokens, outputTokens, limitTokens })
  })
})

test.each([
  { code: "context_length_exceeded" },
  { code: "model_max_prompt_tokens_exceeded" },
  { code: "tokens_limit_reached" },
  { code: "model_context_window_exceeded" },
  { type: "exceed_context_size_error" },
])("the code or type alone says it too: %j", (words) => {
  expect(overflowIn(said("Nope.", words))?.is).toBe("prompt")
})

test.each([
  "Rate limit exceeded, please try again in 20 seconds",
  "Too many tokens, please wait before trying again.",
  "Too many tokens in this minute.",
  "Malformed input request: #/texts/41: expected maxLength: 2048, actual: 2100",
  "Invalid 'input[3].call_id': string too long. Expected a string with maximum length 64, but got a string with length 83 instead.",
  "Could not finish the message because max_tokens or model output limit was reached. Please try again with higher max_tokens.",
  "Unsupported parameter: 'max_tokens' is not supported with this model. Use 'max_completion_tokens' instead.",
  "max_tokens must be greater than thinking.budget_tokens",
  "messages: at least one message is required",
  "Input should be a valid string",
  "You exceeded your current quota, please check your plan and billing details.",
  "The output was blocked by the content filter",
])("another error is none: %s", (message) => {
  expect(overflowIn(said(message))).toBeNull()
})

test("a text of a conversation that is too long is one, a name is not", () => {
  const text = (path: string, longest: number): string =>
    `Invalid '${path}': string too long. Expected a string with maximum length ${longest}, but got a string with length 20000000 instead.`
  expect(overflowIn(said(text("input[0].content[0].text", 10_485_760)))?.is).toBe("prompt")
  expect(overflowIn(said(text("user", 64)))).toBeNull()
})

test("the code of a server that has one for both leaves the words to tell", () => {
  const message =
    "This model's maximum context length is 8192 tokens. However, you requested 9000 tokens (1000 in the messages, 8000 in the completion)."
  expect(overflowIn(said(message, { code: "context_length_exceeded" }))?.is).toBe("sum")
})

test("no sentence makes the reading of it long: what is read is bounded", () => {
  const long = "a sentence without a meaning, ".repeat(1000)
  expect(overflowIn(said(`${long}prompt is too long`))).toBeNull()
  expect(overflowIn(said(`prompt is too long ${long}`))?.is).toBe("prompt")
})
