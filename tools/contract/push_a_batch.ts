// What a client in TypeScript says with the types that openapi-typescript makes of the contract. Compiled, not run.

import type { components, paths } from "./schema";

type Batch = components["schemas"]["ConversationBatch"];
type Report = paths["/v1/trials/{trial}/conversations/batch"]["post"]["responses"][207]["content"]["application/json"];
type Problem = components["schemas"]["ProblemDetails"];

const batch: Batch = {
  records: [
    { external_id: "talk-1", revision: 1, cpr: "7101701234", date: "2010-11-15", form: "telephone" },
    { external_id: "talk-2", revision: 2, retracted: true, retraction_reason: "duplicate" },
  ],
};

export async function push(url: string, token: string): Promise<Report> {
  const answer = await fetch(`${url}/v1/trials/prvij/conversations/batch`, {
    method: "POST",
    headers: { Authorization: `Bearer ${token}`, "Content-Type": "application/json" },
    body: JSON.stringify(batch),
  });
  if (answer.status !== 207) {
    throw new Error(((await answer.json()) as Problem).code);
  }
  return (await answer.json()) as Report;
}
