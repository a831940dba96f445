// Routes in the fragment of the address: "#/prvij/region?week=2011-W05&sort=plan". Links can be shared.

/** {trial, view, id, query} of the address; what is not there is null. */
export function read(hash = location.hash) {
  const [path, query = ""] = hash.replace(/^#\/?/, "").split("?");
  const [trial = null, view = null, id = null] = path.split("/").filter(Boolean).map(decoded);
  return { trial, view, id, query: new URLSearchParams(query) };
}

function decoded(part) {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

/** The address of a view. Empty values of the query are left out. */
export function to(parts, query = {}) {
  const path = parts
    .filter((part) => part !== null && part !== undefined)
    .map(encodeURIComponent)
    .join("/");
  const given = Object.entries(query).filter(([, value]) => value !== null && value !== undefined && value !== "");
  const text = new URLSearchParams(given).toString();
  return `#/${path}${text ? `?${text}` : ""}`;
}

/** The address here with other values in its query. */
export function withQuery(changes) {
  const { trial, view, id, query } = read();
  return to([trial, view, id], { ...Object.fromEntries(query), ...changes });
}

/** Changes the query of the address without rendering: the view has changed already. */
export function updateQuery(changes) {
  history.replaceState(history.state, "", withQuery(changes));
}
