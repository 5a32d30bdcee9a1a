/** The bytes that JSON is made of, and tables of what they may be. */

export const QUOTE = 34
export const BACKSLASH = 92
export const OPEN_BRACE = 123
export const CLOSE_BRACE = 125
export const OPEN_BRACKET = 91
export const CLOSE_BRACKET = 93
export const COMMA = 44
export const COLON = 58

export const IS_SPACE: Uint8Array = new Uint8Array(256)
for (const byte of [32, 9, 10, 13]) IS_SPACE[byte] = 1
export const IS_HEX: Uint8Array = new Uint8Array(256)
for (const character of "0123456789abcdefABCDEF") IS_HEX[character.charCodeAt(0)] = 1
/** 1 for the single characters that may follow a backslash; `u` is handled apart. */
export const IS_ESCAPE: Uint8Array = new Uint8Array(256)
for (const character of '"\\/bfnrt') IS_ESCAPE[character.charCodeAt(0)] = 1
