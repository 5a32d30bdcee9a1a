/** The address that a router listens on, as a configuration names it. */

/** `host:port`, `[::1]:port` or `:port`. */
export function addressOf(text: string): { hostname: string; port: number } {
  const at = text.lastIndexOf(":")
  const hostname = text.slice(0, at).replace(/^\[|\]$/g, "")
  return { hostname: hostname === "" ? "0.0.0.0" : hostname, port: Number(text.slice(at + 1)) }
}
