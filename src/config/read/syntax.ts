/** YAML's own errors in sentences that quote nothing of the file. */
import type { ErrorCode } from "yaml"

const SENTENCES: Readonly<Record<ErrorCode, string>> = {
  ALIAS_PROPS: "An alias (*name) cannot carry an anchor or a tag.",
  BAD_ALIAS: "This alias (*name) is not valid: its anchor (&name) must stand before it.",
  BAD_COLLECTION_TYPE: "The tag does not fit this kind of value.",
  BAD_DIRECTIVE: "This % directive is not known.",
  BAD_DQ_ESCAPE: 'This backslash escape is not known inside "…". Single quotes take backslashes as they are.',
  BAD_INDENT: "The indentation does not fit the lines around.",
  BAD_PROP_ORDER: "Anchors and tags stand before the value.",
  BAD_SCALAR_START: "A plain text cannot start with this character. Put quotes round it.",
  BLOCK_AS_IMPLICIT_KEY:
    "A mapping inside a line needs braces: two colons stand in one line, or a line is not indented as meant.",
  BLOCK_IN_FLOW:
    "Inside […] and {…} a text with a colon and a space needs quotes, and lists and mappings are written as […] and {…}.",
  DUPLICATE_KEY: "This key stands twice in the same mapping.",
  IMPOSSIBLE: "The YAML parser cannot make sense of this.",
  KEY_OVER_1024_CHARS: "A key is at most 1024 characters long.",
  MISSING_CHAR: "A character is missing here: a closing quote, bracket or brace, a comma, a colon or a space.",
  MULTILINE_IMPLICIT_KEY: "A key must stand on one line, followed by a colon.",
  MULTIPLE_ANCHORS: "A value has at most one anchor.",
  MULTIPLE_DOCS: "The file must hold one YAML document, but a second one starts here.",
  MULTIPLE_TAGS: "A value has at most one tag.",
  NON_STRING_KEY: "A key must be a text.",
  RESOURCE_EXHAUSTION: "The nesting is deeper than the YAML parser takes.",
  TAB_AS_INDENT: "YAML is indented with spaces, not with tabs.",
  TAG_RESOLVE_FAILED: "This tag (!…) is not known, or the value does not fit it.",
  UNEXPECTED_TOKEN: "This was not expected here.",
}

export function syntaxMessage(code: ErrorCode): string {
  return SENTENCES[code]
}
