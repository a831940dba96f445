// The session: the access token of this tab (sessionStorage). It is in no address and is sent to this service only.

const KEY = "rettevej.token";
let token = sessionStorage.getItem(KEY);
let claims = claimsOf(token);

/** The claims of a token, unverified; null for a text that is no token. Only the service verifies it. */
export function claimsOf(text) {
  try {
    const part = text.split(".")[1].replace(/-/g, "+").replace(/_/g, "/");
    const bytes = Uint8Array.from(atob(part), (letter) => letter.charCodeAt(0));
    const value = JSON.parse(new TextDecoder().decode(bytes));
    return value !== null && typeof value === "object" ? value : null;
  } catch {
    return null;
  }
}

export const readable = (text) => claimsOf(text) !== null;
export const signedIn = () => claims !== null;
export const bearer = () => token;

export function signIn(text) {
  token = text;
  claims = claimsOf(text);
  sessionStorage.setItem(KEY, text);
}

export function signOut() {
  token = claims = null;
  sessionStorage.removeItem(KEY);
}

export const name = () => claims?.client_id ?? claims?.sub ?? "";
export const hasScope = (scope) =>
  String(claims?.scope ?? "")
    .split(" ")
    .includes(scope);
const listClaim = (claim) => (Array.isArray(claims?.[claim]) ? claims[claim] : []);

/** Whether the token is a registrar's, who reads requests for corrected numbers and nothing else. */
export const decidesCorrections = () => hasScope("corrections:decide");

/** Whether people of the jobcentre can be read. */
export function readsPeopleOf(jobcentre) {
  const bound = listClaim("jobcentres");
  return hasScope("participants:read") && (bound.includes("*") || bound.includes(jobcentre));
}

/** Whether figures of the jobcentre can be read. */
export function readsFiguresOf({ code, region }) {
  const bound = listClaim("jobcentres");
  const isBound = bound.includes("*") || bound.includes(code) || listClaim("regions").includes(region);
  return hasScope("reports:read") && isBound;
}
