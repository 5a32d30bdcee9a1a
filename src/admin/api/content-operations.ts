/** Operations on stored content of calls: reading, deleting, and taking away what has expired. */
import { sees } from "../domain.ts"
import { type Actor, deleteContent, purgeContent, readContent } from "../content.ts"
import type { Operation, Question } from "./operation.ts"
import { IN_PATH } from "./single-operations.ts"
import { CONTENT_SCHEMA, DELETED_SCHEMA, PURGED_SCHEMA } from "./schemas.ts"

const PATH = "/api/content/{request_id}"

export function contentOperations(): Operation[] {
  return [
    {
      id: "content",
      path: PATH,
      summary: "The stored content of a call. Each reading is a row of request_content_audit_events.",
      permission: { object: "content:capture", action: "read" },
      parameters: [IN_PATH],
      answers: { type: "application/json", schema: CONTENT_SCHEMA },
      handle: async (question, { content }) => ({
        is: "json",
        value: await readContent(idOf(question), actorOf(question), content),
      }),
    },
    {
      id: "contentDelete",
      method: "DELETE",
      path: PATH,
      summary: "Deletes the stored content of a call.",
      permission: { object: "content:capture", action: "delete" },
      parameters: [IN_PATH],
      answers: { type: "application/json", schema: DELETED_SCHEMA },
      handle: async (question, { content }) => {
        const { domain } = question.administrator
        const isSeen: Parameters<typeof deleteContent>[2] = ({ project, environment }) =>
          sees(domain, project, environment)
        return { is: "json", value: await deleteContent(idOf(question), actorOf(question), isSeen, content) }
      },
    },
    {
      id: "contentPurge",
      method: "POST",
      path: "/api/content-purge-expired",
      summary: "Deletes stored content whose time is over.",
      permission: { object: "content:capture", action: "purge" },
      parameters: [],
      answers: { type: "application/json", schema: PURGED_SCHEMA },
      handle: async (question, { content }) => ({
        is: "json",
        value: await purgeContent(question.scope, actorOf(question), content),
      }),
    },
  ]
}

function idOf({ names }: Question): string {
  return names["request_id"] ?? ""
}

function actorOf({ administrator: { subject, domain }, requestId }: Question): Actor {
  return { subject, domain, requestId }
}
