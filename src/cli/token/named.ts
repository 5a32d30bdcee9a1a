/** The token and the file that the actions on existing tokens name. */
import { nearest } from "../../nearest.ts"
import { UsageError, type Arguments } from "../command.ts"
import { ChangeRefused, type CallerTexts } from "./config-file.ts"
import { tokensIn, type ListedToken } from "./listed.ts"

export function tokenIdArgument(options: Arguments): string {
  const [tokenId] = options.positionals
  if (tokenId === undefined || tokenId === "") throw new UsageError("Which token? Name its token_id.")
  return tokenId
}

/** Never repeats what was typed: it may be a raw token. @throws ChangeRefused */
export function tokenNamed(tokenId: string, file: string, texts: CallerTexts): ListedToken {
  const tokens = tokensOf(file, texts)
  const found = tokens.filter((token) => token.tokenId === tokenId)
  const [token] = found
  if (token !== undefined && found.length === 1) return token
  if (token !== undefined)
    throw new ChangeRefused(`${file} has several tokens with this token_id. Run: smart-router check`)
  const known = tokens.map((one) => one.tokenId).filter((id) => id !== "")
  const meant = known.find((id) => tokenId.startsWith(`${id}_`)) ?? nearest(tokenId, known)
  throw new ChangeRefused(
    `${file} has no token with this token_id.${meant === undefined ? "" : ` Did you mean ${JSON.stringify(meant)}?`}`,
  )
}

/** @throws ChangeRefused */
export function tokensOf(file: string, texts: CallerTexts): readonly ListedToken[] {
  try {
    return tokensIn(texts, Date.now())
  } catch (error) {
    throw new ChangeRefused(`${file} is not valid YAML. Run: smart-router check --config ${file}`, { cause: error })
  }
}
