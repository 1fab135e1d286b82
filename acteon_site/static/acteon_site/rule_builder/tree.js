// A condition as a tree of nodes, and back. A node is a group {group: all|any|none, items}, a clause {field, operator,
// value}, where of a list's members also each: any|all, or {raw}: what rows cannot show, kept as it is. A group with a `list`
// asks all of it of the same member. `path` is where the server's problems find it.
const CONTENT = ["all", "any"];
const NO_OPERATORS = ["all", "any", "not", "cel", "field"];
export const EACH = "[*]";
const isObject = (value) => value !== null && typeof value === "object" && !Array.isArray(value);

export const fromSpec = (spec, path = "condition") => {
  const keys = isObject(spec) ? Object.keys(spec) : [];
  if (keys.length === 1 && CONTENT.includes(keys[0]) && Array.isArray(spec[keys[0]])) {
    return { path, group: keys[0], items: spec[keys[0]].map((one, at) => fromSpec(one, `${path}.${keys[0]}[${at}]`)) };
  }
  if (keys.length === 1 && keys[0] === "not") {
    const inner = fromSpec(spec.not, `${path}.not`);
    return { path, group: "none", items: inner.group === "any" ? inner.items : [inner] };
  }
  const operators = keys.filter((key) => key !== "field");
  if (typeof spec?.field !== "string" || operators.length !== 1) return { path, raw: spec };
  const [operator] = operators, value = spec[operator];
  if (CONTENT.includes(operator)) {
    const node = ofMembers(spec.field, operator, value);
    if (node) return { ...node, path };
    if (!isObject(value) || !spec.field.endsWith(EACH)) return { path, raw: spec };
    return { ...rooted(fromSpec(value, `${path}.${operator}`)), path, list: spec.field, each: operator };
  }
  return isObject(value) && !namesField(value) ? { path, raw: spec } : { path, field: spec.field, operator, value };
};

export const namesField = (value) => isObject(value) && typeof value.field === "string" && Object.keys(value).length === 1;

// any or all of a list's members, asked for one thing: {field: a.items[*].sku, any: {eq: "A"}}.
const ofMembers = (field, each, inner) => {
  const operators = isObject(inner) ? Object.keys(inner) : [];
  const plain = field.includes(EACH) && operators.length === 1 && !NO_OPERATORS.includes(operators[0]);
  return plain && (!isObject(inner[operators[0]]) || namesField(inner[operators[0]]))
    ? { field, each, operator: operators[0], value: inner[operators[0]] } : null;
};

// The rows always stand in a group, also where the condition is one clause.
export const rooted = (node) => (node.group && !node.list ? node : { path: node.path, group: "all", items: [node] });

export const toSpec = (node, path = "condition") => {
  node.path = path;
  if ("raw" in node) return node.raw;
  if (node.list) {
    const spec = { field: node.list, [node.each]: grouped(node, `${path}.${node.each}`, true) };
    node.path = path;
    return spec;
  }
  if (node.each) return { field: node.field, [node.each]: { [node.operator]: node.value } };
  if (!node.group) return { field: node.field, [node.operator]: node.value };
  return grouped(node, path, path === "condition");
};

// What a group asks. `alone`: with one condition in it, that is all.
const grouped = (node, path, alone) => {
  if (node.group === "none") {
    if (node.items.length === 1) return { not: toSpec(node.items[0], `${path}.not`) };
    return { not: { any: node.items.map((one, at) => toSpec(one, `${path}.not.any[${at}]`)) } };
  }
  if (alone && node.items.length === 1) return toSpec(node.items[0], path);
  return { [node.group]: node.items.map((one, at) => toSpec(one, `${path}.${node.group}[${at}]`)) };
};

export const parentOf = (root, node) => {
  if (!root.items) return null;
  if (root.items.includes(node)) return root;
  return root.items.map((one) => parentOf(one, node)).find(Boolean) ?? null;
};

// One place up (-1) or down (1): into the group that stands there, out of its own group at the end. False: no way. What is
// asked of a list's member stays with it, and nothing else comes in.
export const move = (root, node, step) => {
  const parent = parentOf(root, node);
  const at = parent.items.indexOf(node);
  const beside = parent.items[at + step];
  if (!beside && (parent === root || parent.list)) return false;
  parent.items.splice(at, 1);
  if (beside?.group && !beside.list) beside.items.splice(step > 0 ? 0 : beside.items.length, 0, node);
  else if (beside) parent.items.splice(at + step, 0, node);
  else {
    const above = parentOf(root, parent);
    above.items.splice(above.items.indexOf(parent) + (step > 0 ? 1 : 0), 0, node);
  }
  return true;
};

// The currency that a clause demands beside the node, or further out; else the one in which orders come.
export const currencyAt = (root, node, usual) => {
  for (let group = parentOf(root, node); group; group = parentOf(root, group)) {
    const named = group.group === "all" && group.items.find((one) => one.field?.endsWith("currency") && one.operator === "eq");
    if (named) return named.value;
  }
  return usual;
};
