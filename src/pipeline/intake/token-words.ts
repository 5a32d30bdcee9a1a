/** What a caller reads whose credential is missing or unknown. Nothing of the credential is repeated. */

const HOW = "Send one as `Authorization: Bearer <token>` or `x-api-key: <token>`."

/** Vendors' keys by their beginnings; the more telling first. */
const KEYS: readonly (readonly [form: RegExp, kind: string])[] = [
  [/^sk-ant-/, "a key of Anthropic"],
  [/^sk-or-/, "a key of OpenRouter"],
  [/^sk-(?:proj|svcacct|admin)-/, "a key of OpenAI"],
  [/^sk-/, "a key of OpenAI, or of a provider like it"],
  [/^AIza/, "a key of Google"],
  [/^gsk_/, "a key of Groq"],
  [/^xai-/, "a key of xAI"],
  [/^csk-/, "a key of Cerebras"],
  [/^nvapi-/, "a key of NVIDIA"],
  [/^pplx-/, "a key of Perplexity"],
  [/^hf_/, "a token of Hugging Face"],
  [/^(?:gh[opsu]_|github_pat_)/, "a token of GitHub"],
  [/^ABSK/, "a key of Bedrock"],
  [/^eyJ[\w-]+\.eyJ/, "a sign-in token of a provider's own service"],
]

/** Of a call whose credential nobody here knows: the message of its refusal. */
export function credentialWords(authorization: string | null, apiKey: string | null): string {
  const token = apiKey || authorization?.replace(/^bearer(?:\s+|$)/i, "").trim() || ""
  if (token === "") return `The call has no token of this router. ${HOW}`
  const kind = KEYS.find(([form]) => form.test(token))?.[1]
  if (kind !== undefined)
    return `The token of the call looks like ${kind}. This router takes tokens of its own; whoever runs it hands them out.`
  if (!apiKey && authorization !== null && !/^bearer\b/i.test(authorization))
    return `The header Authorization must say Bearer before the token. ${HOW}`
  return "This router does not know the token of the call. Look whether it is whole, and whether it is still valid."
}
