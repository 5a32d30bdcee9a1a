/** Values by which programs that write whole files say that a key is not set. */
import type { z } from "zod"
import { bare } from "../schema/inspect.ts"

/**
 * An empty text, 0 or an empty mapping behind a key that may be left out, where such a value has no meaning of its own.
 * A provider's key that is empty is a mistake, never a wish to send none.
 */
export function isUnset(key: string, value: unknown, schema: z.ZodType | undefined): boolean {
  if (schema === undefined || key === "api_key" || !(value === "" || value === 0 || isEmptyMapping(value))) return false
  return bare(schema).optional && !schema.safeParse(value).success
}

function isEmptyMapping(value: unknown): boolean {
  return typeof value === "object" && value !== null && !Array.isArray(value) && Object.keys(value).length === 0
}
