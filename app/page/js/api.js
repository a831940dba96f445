// Requests to the public API, and to nothing else. Responses are cached until `clearCache`.

import * as session from "./session.js";

/** A failed request: status and code of its problem document; status 0 when no response came. */
export class ApiError extends Error {
  constructor(status, code) {
    super(code);
    this.status = status;
    this.code = code;
  }
}

const responses = new Map();

/** Empties the cache, so that the next calls fetch again. */
export const clearCache = () => responses.clear();

/** Fetches JSON from a path below the service. Concurrent and repeated calls share one response. */
export function get(path, parameters = {}) {
  const given = Object.entries(parameters).filter(([, value]) => value !== null && value !== undefined && value !== "");
  const query = new URLSearchParams(given).toString();
  const address = query ? `${path}?${query}` : path;
  if (!responses.has(address)) {
    const response = fetchJson(address);
    responses.set(address, response);
    response.catch(() => responses.delete(address));
  }
  return responses.get(address);
}

const fetchJson = async (address) => (await request(address, "application/json")).json();

/** Fetches JSON with its ETag. Never cached. */
export async function getTagged(address) {
  const response = await request(address, "application/json");
  return { body: await response.json(), tag: response.headers.get("ETag") };
}

/** Sends JSON and returns the JSON of the response. */
export async function post(address, body, headers = {}) {
  const options = { method: "POST", body: JSON.stringify(body) };
  return (await request(address, "application/json", { "Content-Type": "application/json", ...headers }, options)).json();
}

/** Fetches a document of another type, for example a letter. Never cached. */
export const blob = async (address, type) => (await request(address, type)).blob();

async function request(address, type, headers = {}, options = {}) {
  let response;
  try {
    const all = { Authorization: `Bearer ${session.bearer()}`, Accept: type, ...headers };
    response = await fetch(address, { ...options, headers: all });
  } catch {
    throw new ApiError(0, "unreachable");
  }
  if (response.ok) return response;
  const problem = await response.json().catch(() => ({}));
  throw new ApiError(response.status, problem.code ?? "unknown");
}

/** Fetches every item of a list, page after page. */
export async function all(path, parameters = {}) {
  const items = [];
  let cursor = null;
  do {
    const page = await get(path, { ...parameters, limit: 1000, cursor });
    items.push(...page.items);
    cursor = page.next;
  } while (cursor);
  return items;
}

/** Resolves to the response, or to null on 403 and 404: a missing scope, or somebody else's data. */
export async function nullIfHidden(response) {
  try {
    return await response;
  } catch (error) {
    if (error instanceof ApiError && (error.status === 403 || error.status === 404)) return null;
    throw error;
  }
}

/** The path of a resource of a trial; every part but the first is escaped. */
export const trialPath = (trial, ...rest) =>
  ["v1/trials", trial, ...rest].map((part, place) => (place ? encodeURIComponent(part) : part)).join("/");
