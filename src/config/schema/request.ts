/** `server.request`: bounds of request bodies. */
import type { z } from "zod"
import { block, byDefault, integer } from "./field.ts"

export const request: z.ZodType = byDefault(
  block(
    {
      max_body_bytes: byDefault(integer("The largest request body.", { unit: "bytes" }), 33_554_432),
      max_depth: byDefault(integer("The deepest nesting of a request body.", { max: 10_000, unit: "levels" }), 512),
      max_values: byDefault(
        integer("JSON values in a request body, at any depth: each object, list, string, number, boolean and null."),
        250_000,
      ),
      max_memory_bytes: byDefault(
        integer(
          "The memory that the bodies of all calls in flight may take in one process. Further ones get 503 `overloaded`.",
          {
            unit: "bytes",
          },
        ),
        1_073_741_824,
      ),
      max_memory_bytes_per_caller: byDefault(
        integer("Of these, those of one caller. Further ones get 429 `body-memory-exceeded`.", { unit: "bytes" }),
        268_435_456,
      ),
      min_bytes_per_second: byDefault(
        integer(
          "A body that comes more slowly for fifteen seconds is refused with status 408. `0`: only two minutes bound it.",
          { unit: "bytes" },
        ),
        1024,
      ),
    },
    "Bounds towards clients.",
    { name: "RequestConfig" },
  ),
  {},
)
