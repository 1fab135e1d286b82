// Groups that ask several things of the same member of a list: which list, whether one or each of its members must fit,
// and the fields that a member has.
import { choose, make } from "./elements.js";
import { EACH, parentOf } from "./tree.js";

const OTHER = " other";
export const MEMBERS = [["any", "at least one of them"], ["all", "each of them"]];

export const listOf = (path) => path.slice(0, path.indexOf(EACH) + EACH.length);

// The lists that were seen or declared, each with its name.
export const listsKnown = (fields) => {
  const known = [...fields].filter(({ path, kind }) => path.includes(EACH) || kind === "list");
  return [...new Set(known.map(({ path }) => (path.includes(EACH) ? listOf(path) : path + EACH)))];
};

// The innermost group about a list's members that the node stands in.
export const membersAround = (root, node) => {
  for (let group = parentOf(root, node); group; group = parentOf(root, group)) if (group.list) return group;
  return null;
};

// What a member of that list has, by the paths that ask it.
export const fieldsOfMember = (fields, list) => {
  const inside = [...fields].filter(({ path }) => path.startsWith(`${list}.`));
  const plain = [...fields].find(({ path }) => path === list);
  const named = inside.map((field) => ({ ...field, path: `item${field.path.slice(list.length)}`, source: "item" }));
  return plain ? [{ ...plain, path: "item", source: "item" }, ...named] : named;
};

export const listHead = (node, lists, changed) => {
  const name = (list) => list.replace(/^action\.payload\./, "").replace(EACH, "").replaceAll("_", " ").replaceAll(".", " ");
  const known = lists.includes(node.list);
  const options = [...lists.map((list) => [list, name(list)]), [OTHER, "another list…"]];
  const select = choose("List whose members are asked", options, known ? node.list : OTHER, (list) => {
    node.list = list === OTHER ? `action.payload.${EACH}` : list;
    changed();
  });
  const path = known ? null : make("input", { type: "text", "aria-label": "Path of the list", value: node.list, autocomplete: "off",
    onchange: (event) => { node.list = event.target.value; changed(); } });
  const each = choose("How many of its members", MEMBERS, node.each, (word) => { node.each = word; changed(); });
  return make("div", { class: "rb-list" }, make("span", {}, "Of the list"), make("span", { class: "rb-field" }, select, path), each);
};
