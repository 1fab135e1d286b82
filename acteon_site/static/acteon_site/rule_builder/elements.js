// Small helpers to make elements. Texts are set as text, never as markup.
let made = 0;

export const make = (tag, properties = {}, ...children) => {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (value === undefined || value === null || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (name === "class" || name.includes("-") || name === "list") element.setAttribute(name === "class" ? "class" : name, value);
    else element[name] = value;
  }
  element.append(...children.filter((child) => child !== null && child !== undefined));
  return element;
};

export const freshId = (stem) => `${stem}-${++made}`;

// `options` are [value, text]; a value that is none of them is added, so that nothing is lost by looking.
export const choose = (label, options, value, onchange) => {
  const known = options.some(([one]) => one === value);
  const all = known ? options : [[value, value || "choose"], ...options];
  return make("select", { "aria-label": label, onchange: (event) => onchange(event.target.value) },
    ...all.map(([one, text]) => make("option", { value: one, selected: one === value }, text)));
};

export const suggestions = (values) => {
  if (!values?.length) return null;
  return make("datalist", { id: freshId("gw-choices") }, ...values.map((value) => make("option", { value: String(value) })));
};
