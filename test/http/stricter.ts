/**
 * Where the product refuses what llhttp reads, on purpose: the sentence that the sender hears, and the reason.
 * A refusal that is not listed fails the comparison. There is no list of the opposite: it has to stay empty.
 */
export const STRICTER: Readonly<Record<string, string>> = {
  "The request line is malformed.": "One space between its parts, and visible ASCII only in the target.",
  "The request line is missing.": "A few empty lines before a request are enough for any client.",
  "The request target is malformed.": "Only a path, a whole http URL, or * for OPTIONS; a fragment is never sent.",
  "Only HTTP/1.1 is spoken here.":
    "HTTP/0.9 has no head, and HTTP/2 no lines; llhttp reads both as if they were HTTP/1.",
  "The line ends are malformed.": "CRLF and nothing else.",
  "The Host field is missing.": "Required by RFC 9112, 3.2; llhttp leaves it to the server.",
  "The Host field is malformed.": "As above.",
  "The field host stands twice.": "As above.",
  "The field transfer-encoding stands twice.": "Chunked twice is no coding (RFC 9112, 6.1).",
  "The transfer encoding is not supported.":
    "Nothing but chunked, and not in HTTP/1.0; llhttp also takes lists, and reads others until the connection ends.",
  "The content length is no number.": "At most fifteen digits, so that it is exact.",
  "The field authorization stands twice with different values.": "A proxy may have looked at the other one.",
  "Content-Length and Transfer-Encoding contradict each other.":
    "Readers differ on which one counts; llhttp lets some codings and answers without a body pass.",
  "A header field is malformed.": "Names are tokens, values have no control characters.",
  "A chunk line is malformed.": "CRLF and nothing else.",
  "A chunk line is too long.": "A size needs no 4 KiB.",
  "A chunk size is malformed.": "At most twelve digits, and extensions as RFC 9112, 7.1.1 has them, without spaces.",
  "A chunk is longer than it says.": "CRLF ends it, and nothing else.",
  "A trailer is malformed.": "As fields of the head, and none that says how long a message is.",
  "Chunk extensions and trailers are too large.": "They are thrown away: 16 KiB are plenty.",
  "There is no HTTP/1.1 status line.": "Three digits from 100 on, and HTTP/1.0 or HTTP/1.1.",
  "The server speaks another protocol.": "No upgrade is ever asked for.",
  "The connection ends before the answer.": "An interim answer that closes the connection has no final one.",
  "The connection ended inside the answer.": "The end of a connection ends only an answer without a length.",
  "the connection ends with the answer":
    "Connections of HTTP/1.0 are not kept. What stands behind Connection: close is not read, nor is it refused.",
  "other methods": "Methods beside those of HTTP itself are answered from the head alone, and end the connection.",
}
