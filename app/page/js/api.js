// The public API, and nothing else. Answers are kept until the page is asked to look anew.

import * as session from "./session.js";

/** An answer that is none: the status and code of its problem document, 0 where nothing answered. */
export class ApiError extends Error {
  constructor(status, code) {
    super(code);
    this.status = status;
    this.code = code;
  }
}

const kept = new Map();

/** Forgets every answer. */
export const forget = () => kept.clear();

/** What is at a path below the service, as JSON. */
export function get(path, parameters = {}) {
  const asked = Object.entries(parameters).filter(([, value]) => value !== null && value !== undefined && value !== "");
  const query = new URLSearchParams(asked).toString();
  const address = query ? `${path}?${query}` : path;
  if (!kept.has(address)) {
    const answer = fetched(address);
    kept.set(address, answer);
    answer.catch(() => kept.delete(address));
  }
  return kept.get(address);
}

const fetched = async (address) => (await answered(address, "application/json")).json();

/** A document of another kind, a letter for instance. */
export const blob = async (address, type) => (await answered(address, type)).blob();

async function answered(address, type) {
  let answer;
  try {
    answer = await fetch(address, { headers: { Authorization: `Bearer ${session.bearer()}`, Accept: type } });
  } catch {
    throw new ApiError(0, "unreachable");
  }
  if (answer.ok) return answer;
  const problem = await answer.json().catch(() => ({}));
  throw new ApiError(answer.status, problem.code ?? "unknown");
}

/** Every item of a list, page after page. */
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

/** The answer, or null where the token may not have it: another's, or a scope that is missing. */
export async function orNull(answer) {
  try {
    return await answer;
  } catch (error) {
    if (error instanceof ApiError && (error.status === 403 || error.status === 404)) return null;
    throw error;
  }
}

/** The path of something in a trial. */
export const inTrial = (trial, ...rest) =>
  ["v1/trials", trial, ...rest].map((part, place) => (place ? encodeURIComponent(part) : part)).join("/");
