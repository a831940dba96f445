// Signing in with the configured issuer: OpenID Connect, authorisation code with PKCE (RFC 7636), a public client.

import * as session from "./session.js";

const UNDER_WAY = "rettevej.sign-in";

const text = (bytes) =>
  btoa(String.fromCharCode(...bytes))
    .replace(/\+/g, "-")
    .replace(/\//g, "_")
    .replace(/=+$/, "");
const random = () => text(crypto.getRandomValues(new Uint8Array(32)));
/** Where the issuer sends people back to: this page, without query or fragment. */
const here = () => location.origin + location.pathname;

async function endpoints(issuer) {
  const answer = await fetch(`${issuer.replace(/\/$/, "")}/.well-known/openid-configuration`);
  if (!answer.ok) throw new Error("discovery");
  const found = await answer.json();
  if (found.issuer !== issuer) throw new Error("issuer");
  return found;
}

/** {issuer, client_id, scope}, all null where people sign in with a token of their own. */
export async function configuration() {
  const answer = await fetch("page/sign-in.json");
  if (!answer.ok) throw new Error("configuration");
  return answer.json();
}

/** Goes to the issuer; the way back leads to `finish`, and from there to the address of now. */
export async function start({ issuer, client_id, scope }) {
  const { authorization_endpoint } = await endpoints(issuer);
  const under = { state: random(), nonce: random(), verifier: random(), hash: location.hash };
  sessionStorage.setItem(UNDER_WAY, JSON.stringify(under));
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(under.verifier));
  const address = new URL(authorization_endpoint);
  const asked = {
    response_type: "code",
    client_id,
    redirect_uri: here(),
    scope,
    state: under.state,
    nonce: under.nonce,
    code_challenge: text(new Uint8Array(digest)),
    code_challenge_method: "S256",
  };
  for (const [name, value] of Object.entries(asked)) address.searchParams.set(name, value);
  location.assign(address);
}

/** Whether the address is that of someone whom the issuer sent back. */
export const returning = () => /[?&](code|error)=/.test(location.search);

/** Takes the code to the issuer for a token. Throws when anything is not as it was sent out. */
export async function finish(configured) {
  const sent = new URLSearchParams(location.search);
  const under = JSON.parse(sessionStorage.getItem(UNDER_WAY) ?? "{}");
  sessionStorage.removeItem(UNDER_WAY);
  history.replaceState(null, "", here() + (under.hash ?? "")); // the code leaves the address at once
  if (!under.state || sent.get("state") !== under.state) throw new Error("state");
  if (sent.has("iss") && sent.get("iss") !== configured.issuer) throw new Error("issuer");
  if (!sent.get("code")) throw new Error("refused");
  const { token_endpoint } = await endpoints(configured.issuer);
  const answer = await fetch(token_endpoint, {
    method: "POST",
    body: new URLSearchParams({
      grant_type: "authorization_code",
      code: sent.get("code"),
      redirect_uri: here(),
      client_id: configured.client_id,
      code_verifier: under.verifier,
    }),
  });
  if (!answer.ok) throw new Error("token");
  const tokens = await answer.json();
  check(session.claimsOf(tokens.id_token), configured, under.nonce);
  session.signIn(tokens.access_token);
}

/** The id token came straight from the issuer's endpoint; what it says must be about this sign-in. */
function check(claims, { issuer, client_id }, nonce) {
  const audience = [claims?.aud].flat();
  if (claims?.iss !== issuer || !audience.includes(client_id)) throw new Error("id_token");
  if (claims.nonce !== nonce || !(claims.exp * 1000 > Date.now())) throw new Error("id_token");
}
