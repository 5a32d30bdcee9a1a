/** The text of a file in a request: in base64, or as the address that holds it (`data:`, RFC 2397). */
import { isUtf8 } from "node:buffer"

export interface FileText {
  /** What stands before the file itself: empty, or `data:…,`. */
  readonly head: string
  /** Null: it is no text. */
  readonly text: string | null
  /** A text in the coding of the file, as it stands behind the head. */
  readonly written: (text: string) => string
}

const WHOLE = /^(data:[^,]{0,256},)?([^]*)$/i
const BASE64 = /;base64,$/i
const SAID_TEXT = /^data:(?:text\/|application\/(?:json|xml|yaml|x-yaml|x-ndjson|csv)\b)/i

export function fileText(file: string): FileText {
  const [, head = "", payload = ""] = WHOLE.exec(file) ?? []
  if (head !== "" && !BASE64.test(head))
    return { head, text: unescaped(payload), written: (text) => encodeURIComponent(text) }
  const bytes = Buffer.from(payload, "base64")
  const coding = codingOf(bytes, SAID_TEXT.test(head))
  return {
    head,
    text: coding === null ? null : CODINGS[coding].read(bytes),
    written: (text) => CODINGS[coding ?? "utf8"].write(text).toString("base64"),
  }
}

/** What is wrongly escaped is read as it stands. */
function unescaped(payload: string): string {
  try {
    return decodeURIComponent(payload)
  } catch {
    return payload
  }
}

type Coding = "utf8" | "latin1" | "utf16le" | "utf16be"

const CODINGS: Readonly<
  Record<Coding, { readonly read: (bytes: Buffer) => string; readonly write: (text: string) => Buffer }>
> = {
  utf8: { read: (bytes) => bytes.toString(), write: (text) => Buffer.from(text) },
  latin1: { read: (bytes) => bytes.toString("latin1"), write: (text) => Buffer.from(text, "latin1") },
  utf16le: { read: (bytes) => bytes.toString("utf16le"), write: (text) => Buffer.from(text, "utf16le") },
  utf16be: {
    read: (bytes) => Buffer.from(bytes).swap16().toString("utf16le"),
    write: (text) => Buffer.from(text, "utf16le").swap16(),
  },
}

/** Null: it is no text. In other codings than these, what detectors find is in ASCII, which an alphabet of single bytes keeps. */
function codingOf(bytes: Buffer, isSaidText: boolean): Coding | null {
  if (bytes.length === 0) return null
  if (bytes.length % 2 === 0 && bytes[0] === 0xff && bytes[1] === 0xfe) return "utf16le"
  if (bytes.length % 2 === 0 && bytes[0] === 0xfe && bytes[1] === 0xff) return "utf16be"
  if (!isSaidText && (bytes.subarray(0, 5).toString() === "%PDF-" || hasControls(bytes))) return null
  return isUtf8(bytes) ? "utf8" : "latin1"
}

/** Texts have none, but for spaces, line ends, pages and escape sequences of terminals. */
function hasControls(bytes: Buffer): boolean {
  return bytes.some((byte) => byte < 9 || (byte > 13 && byte < 32 && byte !== 27))
}
