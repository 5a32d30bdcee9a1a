/** What a service manager listens at: a Unix datagram socket. Linux only, as the product. */
import { dlopen, FFIType, ptr } from "bun:ffi"
import { rmSync } from "node:fs"

const { int, ptr: pointer, u64, u32, i64 } = FFIType
const FUNCTIONS = {
  socket: { args: [int, int, int], returns: int },
  bind: { args: [int, pointer, u32], returns: int },
  recv: { args: [int, pointer, u64, int], returns: i64 },
  close: { args: [int], returns: int },
} as const
const DONT_WAIT = 0x40

export interface NotifySocket extends Disposable {
  readonly path: string
  /** What has come so far, in order. */
  messages(): readonly string[]
}

export function openNotifySocket(path: string): NotifySocket {
  const { symbols } = dlopen("libc.so.6", FUNCTIONS)
  const descriptor = symbols.socket(1, 2, 0)
  const address = new Uint8Array([1, 0, ...Buffer.from(path)])
  if (symbols.bind(descriptor, ptr(address), address.length) !== 0) throw new Error(`no socket can be made at ${path}`)
  const received: string[] = []
  return {
    path,
    messages() {
      const buffer = new Uint8Array(4096)
      for (;;) {
        const length = Number(symbols.recv(descriptor, ptr(buffer), buffer.length, DONT_WAIT))
        if (length < 0) return received
        received.push(Buffer.from(buffer.subarray(0, length)).toString())
      }
    },
    [Symbol.dispose]() {
      symbols.close(descriptor)
      rmSync(path, { force: true })
    },
  }
}
