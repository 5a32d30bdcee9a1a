/** The group's contract, asked last: what it lacks for good is worked out when the configuration is loaded. */
import type { Filter } from "./filter.ts"

export const CONTRACT_FILTERS: readonly Filter[] = [
  {
    applies: (_, dialect, group) => group.promisedDialects?.has(dialect) === false,
    refuses: () => "contract-required-api-shape",
  },
  {
    applies: ({ contract }) => contract.lacks !== null,
    refuses: ({ contract }) => contract.lacks,
  },
  {
    applies: ({ contract }) => contract.validUntil < Infinity,
    refuses: ({ contract }, { ts }) => (ts >= contract.validUntil ? "contract-validation-expired" : null),
  },
]
