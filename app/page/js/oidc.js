// OpenID Connect sign-in with the configured issuer: authorisation code with PKCE (RFC 7636), public client.

import * as session from "./session.js";

const PENDING = "rettevej.sign-in";

const text = (bytes) =>
  btoa(String.fromCharCode(...bytes))
    .replace(/\+/g, "-")
    .replace(/\//g, "_")
    .replace(/=+$/, "");
const random = () => text(crypto.getRandomValues(new Uint8Array(32)));
/** Where the issuer sends people back to: this page, without query or fragment. */
const here = () => location.origin + location.pathname;

async function endpoints(issuer) {
  const response = await fetch(`${issuer.replace(/\/$/, "")}/.well-known/openid-configuration`);
  if (!response.ok) throw new Error("discovery");
  const metadata = await response.json();
  if (metadata.issuer !== issuer) throw new Error("issuer");
  return metadata;
}

/** {issuer, client_id, scope}, all null where people sign in with a token of their own. */
export async function configuration() {
  const response = await fetch("page/sign-in.json");
  if (!response.ok) throw new Error("configuration");
  return response.json();
}

/** Goes to the issuer; the way back leads to `finish`, and from there to the address of now. */
export async function start({ issuer, client_id, scope }) {
  const { authorization_endpoint } = await endpoints(issuer);
  const pending = { state: random(), nonce: random(), verifier: random(), hash: location.hash };
  sessionStorage.setItem(PENDING, JSON.stringify(pending));
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(pending.verifier));
  const address = new URL(authorization_endpoint);
  const parameters = {
    response_type: "code",
    client_id,
    redirect_uri: here(),
    scope,
    state: pending.state,
    nonce: pending.nonce,
    code_challenge: text(new Uint8Array(digest)),
    code_challenge_method: "S256",
  };
  for (const [name, value] of Object.entries(parameters)) address.searchParams.set(name, value);
  location.assign(address);
}

/** Whether the address is the issuer's redirect back to the page. */
export const isCallback = () => /[?&](code|error)=/.test(location.search);

/** Takes the code to the issuer for a token. Throws when anything is not as it was sent out. */
export async function finish(configured) {
  const callback = new URLSearchParams(location.search);
  const pending = JSON.parse(sessionStorage.getItem(PENDING) ?? "{}");
  sessionStorage.removeItem(PENDING);
  history.replaceState(null, "", here() + (pending.hash ?? "")); // the code leaves the address at once
  if (!pending.state || callback.get("state") !== pending.state) throw new Error("state");
  if (callback.has("iss") && callback.get("iss") !== configured.issuer) throw new Error("issuer");
  if (!callback.get("code")) throw new Error("refused");
  const { token_endpoint } = await endpoints(configured.issuer);
  const response = await fetch(token_endpoint, {
    method: "POST",
    body: new URLSearchParams({
      grant_type: "authorization_code",
      code: callback.get("code"),
      redirect_uri: here(),
      client_id: configured.client_id,
      code_verifier: pending.verifier,
    }),
  });
  if (!response.ok) throw new Error("token");
  const tokens = await response.json();
  check(session.claimsOf(tokens.id_token), configured, pending.nonce);
  session.signIn(tokens.access_token);
}

/** The id token came straight from the issuer's endpoint; what it says must be about this sign-in. */
function check(claims, { issuer, client_id }, nonce) {
  const audience = [claims?.aud].flat();
  if (claims?.iss !== issuer || !audience.includes(client_id)) throw new Error("id_token");
  if (claims.nonce !== nonce || !(claims.exp * 1000 > Date.now())) throw new Error("id_token");
}
