/**
 * What a service manager is told of this process: systemd's protocol of notifications, https://www.freedesktop.org/software/systemd/man/latest/sd_notify.html.
 * One datagram to the Unix socket that NOTIFY_SOCKET names; without that variable nothing is loaded and nothing is sent.
 */
import type { Log } from "./log.ts"

/** Of Linux, the same on x64 and arm64. */
const AF_UNIX = 1
const SOCK_DGRAM = 2
const SOCK_CLOEXEC = 0o2_000_000
const MSG_NOSIGNAL = 0x4000
/** `sockaddr_un.sun_path` has 108 bytes. */
const LONGEST_PATH = 107

const LIBRARIES = ["libc.so.6", `libc.musl-${process.arch === "arm64" ? "aarch64" : "x86_64"}.so.1`]

export interface ServiceManager {
  /** Calls are taken. */
  ready(status: string): Promise<void>
  stopping(): Promise<void>
}

/** A message that cannot be sent is a warning in the log: the service manager gives up by its own time limit. */
export function serviceManager(address: string | undefined, log: Log): ServiceManager {
  const send = async (message: string): Promise<void> => {
    if (address === undefined || address === "") return
    try {
      await sendDatagram(address, message)
    } catch (error) {
      log.warn("the service manager cannot be told", { error })
    }
  }
  return {
    ready: (status) => send(`READY=1\nSTATUS=${status}\n`),
    stopping: () => send("STOPPING=1\nSTATUS=calls in flight are finished\n"),
  }
}

/** @throws Error when the address has another form, or the system refuses the message */
async function sendDatagram(address: string, text: string): Promise<void> {
  const path = Buffer.from(address)
  if (!/^[/@]/.test(address) || path.length > LONGEST_PATH) throw new Error("NOTIFY_SOCKET names no Unix socket")
  // the runtime has no Unix datagrams: the C library has
  const { ptr } = await import("bun:ffi")
  const { socket, sendto, close } = await openLibrary()
  const target = new Uint8Array([AF_UNIX, 0, ...path])
  // an abstract socket: its name begins with a zero byte
  if (address.startsWith("@")) target[2] = 0
  const message = Buffer.from(text)
  const descriptor = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0)
  if (descriptor < 0) throw new Error("the system gives no socket")
  const sent = sendto(descriptor, ptr(message), message.length, MSG_NOSIGNAL, ptr(target), target.length)
  close(descriptor)
  if (Number(sent) !== message.length) throw new Error(`nothing takes messages at ${address}`)
}

async function openLibrary() {
  const { dlopen, FFIType } = await import("bun:ffi")
  const { int, ptr, u32, u64, i64 } = FFIType
  const functions = {
    socket: { args: [int, int, int], returns: int },
    sendto: { args: [int, ptr, u64, int, ptr, u32], returns: i64 },
    close: { args: [int], returns: int },
  } as const
  for (const name of LIBRARIES) {
    try {
      return dlopen(name, functions).symbols
    } catch {
      // the other C library
    }
  }
  throw new Error("the C library cannot be opened")
}
