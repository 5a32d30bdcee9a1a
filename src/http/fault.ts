/** A message of HTTP/1.1 that breaks its rules, or that two readers could read differently. */
export class HttpFault extends Error {
  constructor(message: string) {
    super(message)
    this.name = "HttpFault"
  }
}
