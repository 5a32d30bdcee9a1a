/** Why an address cannot be listened on, with the address and the system's own word. */

const CAUSES: Readonly<Record<string, string>> = {
  EADDRINUSE: "it is in use by another process",
  EACCES: "the permission is missing (ports below 1024 are often reserved)",
  EADDRNOTAVAIL: "this machine has no such address",
}

/**
 * Runs `listen`.
 * @throws Error that names the address and the cause
 */
export function listeningOn<Listener>(hostname: string, port: number, listen: () => Listener): Listener {
  try {
    return listen()
  } catch (cause) {
    const { code } = cause as Partial<NodeJS.ErrnoException>
    const why = code === undefined ? "the name is not known" : (CAUSES[code] ?? "the system refuses it")
    const shown = `${hostname.includes(":") ? `[${hostname}]` : hostname}:${port}`
    throw new Error(`Failed to listen at ${shown}: ${why}${code === undefined ? "" : ` (${code})`}.`, { cause })
  }
}
