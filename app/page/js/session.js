// Who is signed in. The token stays in this tab (sessionStorage), never in an address, and goes to this service alone.

const KEY = "rettevej.token";
let token = sessionStorage.getItem(KEY);
let claims = claimsOf(token);

/** What the token says of itself; null for what is no token. Whether it holds, only the service decides. */
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
export const may = (scope) =>
  String(claims?.scope ?? "")
    .split(" ")
    .includes(scope);
const words = (claim) => (Array.isArray(claims?.[claim]) ? claims[claim] : []);

/** Whether people of the jobcentre can be read. */
export function readsPeopleOf(jobcentre) {
  const bound = words("jobcentres");
  return may("participants:read") && (bound.includes("*") || bound.includes(jobcentre));
}

/** Whether figures of the jobcentre can be read. */
export function readsFiguresOf({ code, region }) {
  const bound = words("jobcentres");
  return may("reports:read") && (bound.includes("*") || bound.includes(code) || words("regions").includes(region));
}
