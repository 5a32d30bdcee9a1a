/**
 * Where another team's gateway translates differently, and who is right. Where ours was wrong it was mended, and the
 * difference is gone: spoken words said twice (`chat/read-audio.test.ts`), cache writes that a split leaves out
 * (`messages/usage.test.ts`).
 */

export interface Verdict {
  readonly verdict: "theirs wrong" | "ours is a choice"
  readonly reason: string
}

/** The places of differences, as a golden's id and a path of the canonical form; `*` stands for anything. */
export interface Difference extends Verdict {
  readonly golden: string
  readonly places: readonly string[]
}

const wrong = (golden: string, places: readonly string[], reason: string): Difference => {
  return { golden, places, verdict: "theirs wrong", reason }
}

const choice = (golden: string, places: readonly string[], reason: string): Difference => {
  return { golden, places, verdict: "ours is a choice", reason }
}

export const DIFFERENCES: readonly Difference[] = [
  // Requests
  choice(
    "requests/messages/*.completions",
    ["cap.field"],
    "the older name of the cap is understood by every server; a target or the catalogue can say the newer one",
  ),
  choice("requests/messages/metadata.completions", ["identity.user"], "who the user is does not reach another vendor"),
  wrong(
    "requests/completions/full.anthropic",
    ["tools.1"],
    "they drop tools that come as `functions`, the older name of the field",
  ),
  wrong(
    "requests/completions/full.anthropic",
    ["toolChoice"],
    "they force a tool that is not declared, which Anthropic refuses",
  ),
  wrong(
    "requests/completions/full.anthropic",
    ["stopSequences"],
    "they send a stop sequence of white space, which Anthropic refuses",
  ),
  wrong(
    "requests/completions/full.anthropic",
    ["output"],
    "they make a schema of `json_object` that allows other properties, which Anthropic refuses",
  ),
  choice("requests/completions/full.anthropic", ["identity.user"], "who the user is does not reach another vendor"),
  choice(
    "requests/completions/*.anthropic",
    ["cap.tokens"],
    "no cap was said: the default is higher, so that answers are cut less often, and the budget to think comes on top",
  ),
  choice(
    "requests/responses/cache_control.gemini",
    ["messages.1.role"],
    "a system message stays one; old Chat servers refuse the role developer",
  ),
  choice("requests/messages/*.responses", ["state.store"], "nothing is stored at a provider unless the client asks"),
  choice(
    "requests/messages/*.responses",
    ["include.0"],
    "without encrypted reasoning an unstored conversation cannot keep what was thought",
  ),
  wrong(
    "requests/messages/tools.responses",
    ["tools.0.strict"],
    "silence about strict means true in Responses and false in Messages; strict would refuse the schema",
  ),
  // Replies
  wrong(
    "response/completions/*.completions-responses",
    ["model"],
    "a placeholder of their test instead of the model that answered",
  ),
  choice("response/*responses", ["serviceTier"], "the schema of Responses demands a tier; the usual one is named"),
  wrong(
    "response/*.messages-completions*",
    ["serviceTier"],
    "`standard` is Anthropic's word, and no tier that Chat knows",
  ),
  wrong("response/*-messages", ["serviceTier"], "`default` is OpenAI's word; Anthropic calls the same tier `standard`"),
  choice(
    "response/responses/stream-image.responses-messages-streaming",
    ["serviceTier"],
    "the tier that served the call is known and shown",
  ),
  wrong(
    "response/anthropic/*.messages-completions",
    ["usage.freshInputTokens"],
    "`prompt_tokens` of Chat includes cached tokens, but they copy Anthropic's `input_tokens`, which does not",
  ),
  wrong(
    "response/completions/gemini_zero_completion_tokens.completions-messages",
    ["usage.outputTokens"],
    "they lose the thoughts that only the total counts, though they count them for Responses",
  ),
  wrong(
    "response/completions/gemini_zero_completion_tokens.completions-responses",
    ["stop.raw"],
    "`max_tokens` is no reason of Responses; it is called `max_output_tokens`",
  ),
  wrong(
    "response/completions/openrouter_reasoning.completions-*s",
    ["blocks"],
    "they drop the reasoning, which both dialects can show",
  ),
  choice(
    "response/anthropic/*thinking.messages-completions*",
    ["blocks.0.seal", "blocks.2"],
    "reasoning keeps its signature, in a field that clients who know it send back",
  ),
  wrong("response/*-messages*", ["usage.reasoningTokens"], "they leave out how many tokens were thought"),
  choice(
    "response/responses/truncated_tool_call.responses-responses",
    ["stop.raw"],
    "the upstream gave no reason for being incomplete, and clients want one",
  ),
]
