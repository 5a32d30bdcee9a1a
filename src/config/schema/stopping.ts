/** How a router stops. */
import { byDefault, milliseconds, type Shape } from "./field.ts"

export const stopping: Shape = {
  drain_delay_ms: byDefault(
    milliseconds(
      "How long the router still takes calls after SIGTERM or SIGINT while `/readyz` says that it stops: proxies that ask it choose another router meanwhile.",
      { max: 600_000 },
    ),
    0,
  ),
  drain_ms: byDefault(
    milliseconds(
      "How long calls in flight may go on after that. What is not done by then ends with the error `shutting-down`.",
      { max: 86_400_000 },
    ),
    30_000,
  ),
}
