// Elements out of names, attributes and children. Text is only ever set as text: nothing here reads markup.

const SVG = "http://www.w3.org/2000/svg";

function fill(node, attributes, children) {
  for (const [name, value] of Object.entries(attributes ?? {})) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else if (name === "value" || name === "checked" || name === "selected") node[name] = value;
    else node.setAttribute(name, value === true ? "" : value);
  }
  add(node, children);
  return node;
}

/** Appends children: nodes, texts and numbers, nested lists; null and false are left out. */
export function add(node, children) {
  for (const child of [children].flat(9)) {
    if (child === null || child === undefined || child === false || child === "") continue;
    node.append(child instanceof Node ? child : document.createTextNode(child));
  }
}

/** An HTML element. Attributes named `on…` are listeners. */
export function h(tag, attributes, ...children) {
  const node = document.createElement(tag);
  // A select takes a value only after its options exist.
  const { value, ...rest } = attributes ?? {};
  fill(node, rest, children);
  if (value !== undefined && value !== null) node.value = value;
  return node;
}

/** An SVG element. */
export function s(tag, attributes, ...children) {
  return fill(document.createElementNS(SVG, tag), attributes, children);
}

/** Replaces the children of a node. */
export function setChildren(node, ...children) {
  node.replaceChildren();
  add(node, children);
  return node;
}
