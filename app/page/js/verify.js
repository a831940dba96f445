// Recomputes every draw of a closed trial in the browser, from what the API publishes (domain 3.3).

const hex = (bytes) => [...new Uint8Array(bytes)].map((each) => each.toString(16).padStart(2, "0")).join("");
const bytesOf = (text) => Uint8Array.from(text.match(/../g) ?? [], (pair) => Number.parseInt(pair, 16));

/** Whether the browser computes here: only on a secure connection. */
export const possible = () => globalThis.crypto?.subtle !== undefined;

/**
 * {draws, faults}: how many were computed, and each fault as {code, …}. `limit` is the protocol's: an arm that is so many
 * ahead in a jobcentre is not drawn again; otherwise the first bit of HMAC-SHA256(seed, "trial:jobcentre:position").
 */
export async function verify({ id, seed, seed_commitment }, limit, draws) {
  const faults = [];
  const raw = bytesOf(seed);
  if (hex(await crypto.subtle.digest("SHA-256", raw)) !== seed_commitment) faults.push({ code: "bad_seed" });
  const key = await crypto.subtle.importKey("raw", raw, { name: "HMAC", hash: "SHA-256" }, false, ["sign"]);
  for (const [jobcentre, drawn] of Map.groupBy(draws, (each) => each.jobcentre)) {
    drawn.sort((first, second) => first.position - second.position);
    if (drawn.some((each, place) => each.position !== place)) {
      faults.push({ code: "bad_positions", jobcentre });
      continue;
    }
    let balance = 0;
    for (const { position, arm } of drawn) {
      const message = new TextEncoder().encode(`${id}:${jobcentre}:${position}`);
      const coin = new Uint8Array(await crypto.subtle.sign("HMAC", key, message))[0] & 0x80 ? "control" : "treatment";
      const computed = balance >= limit ? "control" : balance <= -limit ? "treatment" : coin;
      if (arm !== computed) faults.push({ code: "bad_arm", jobcentre, position, published: arm, computed });
      balance += computed === "treatment" ? 1 : -1;
    }
  }
  return { draws: draws.length, faults };
}
