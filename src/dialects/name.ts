/** The three wire dialects, by the names that the configuration uses. */
export type DialectName = "openai-chat" | "openai-responses" | "anthropic"
