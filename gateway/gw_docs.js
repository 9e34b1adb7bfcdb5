// SPDX-License-Identifier: MPL-2.0
// The documentation page: shows openapi.json, and sends requests that are filled in.
"use strict";

const METHODS = ["get", "post", "put", "patch", "delete"];
const base = new URL(".", location.href).pathname.replace(/\/$/, "");
let description = null;
let counter = 0;

// An element with properties and children; texts become text nodes, so nothing of the API is ever read as HTML.
function make(tag, properties, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(properties || {})) {
    if (name in element && name !== "list") element[name] = value;
    else element.setAttribute(name, value);
  }
  for (const child of children.flat()) if (child !== null && child !== undefined) element.append(child);
  return element;
}

function resolve(thing) {
  if (!thing || !thing.$ref) return thing;
  return thing.$ref.slice(2).split("/").reduce((at, key) => at[key.replace(/~1/g, "/").replace(/~0/g, "~")], description);
}

// "integer (int32), 1 to 500" and so on.
function describeSchema(schema) {
  if (!schema || Object.keys(schema).length === 0) return "any";
  const types = [].concat(schema.type || (schema.const !== undefined ? JSON.stringify(schema.const) : "any"));
  let text = types.map((type) => (type === "array" ? "array of " + describeSchema(schema.items) : type)).join(" or ");
  if (schema.format) text += ` (${schema.format})`;
  if (schema.contentEncoding) text += ` (${schema.contentEncoding})`;
  for (const [least, most, unit] of [["minimum", "maximum", ""], ["minLength", "maxLength", " characters"], ["minItems", "maxItems", " items"]]) {
    const from = schema[least], to = schema[most];
    if (from !== undefined && to !== undefined) text += `, ${from} to ${to}${unit}`;
    else if (from !== undefined) text += `, at least ${from}${unit}`;
    else if (to !== undefined) text += `, at most ${to}${unit}`;
  }
  if (schema.enum) text += ": " + schema.enum.map((value) => JSON.stringify(value)).join(", ");
  if (schema.default !== undefined) text += `; default ${JSON.stringify(schema.default)}`;
  return text;
}

function pretty(value) {
  return JSON.stringify(value, null, 2);
}

// The field that a parameter is filled in with.
function field(parameter, id) {
  const schema = parameter.schema || {};
  const choices = schema.type === "boolean" ? ["true", "false"] : schema.type === "array" ? null : schema.enum;
  const label = `${parameter.name} (${parameter.in})`;
  if (choices) {
    const options = parameter.required ? choices : ["", ...choices];
    return make("select", { id, "aria-label": label }, options.map((value) => make("option", { value }, value)));
  }
  const input = make("input", { id, type: "text", autocomplete: "off", "aria-label": label });
  if (parameter.required && parameter.example !== undefined)
    input.value = [].concat(parameter.example).join(", ");
  input.placeholder = schema.type === "array" ? "values with , between" : "";
  return input;
}

function parameterTable(parameters, fields) {
  const rows = parameters.map((parameter) => {
    const id = `field-${++counter}`;
    const input = field(parameter, id);
    fields.push({ parameter, input });
    return make("tr", {},
      make("td", {}, make("label", { htmlFor: id }, make("code", {}, parameter.name)),
        parameter.required ? make("span", { className: "note" }, " required") : null),
      make("td", { className: "note" }, parameter.in),
      make("td", { className: "note" }, describeSchema(parameter.schema)),
      make("td", {}, input));
  });
  return make("table", {},
    make("thead", {}, make("tr", {}, ["Name", "In", "Type", "Value"].map((text) => make("th", { scope: "col" }, text)))),
    make("tbody", {}, rows));
}

function memberTable(schema) {
  const members = Object.entries((schema && schema.properties) || {});
  if (!members.length) return make("p", { className: "note" }, describeSchema(schema));
  const required = schema.required || [];
  return make("table", {},
    make("thead", {}, make("tr", {}, ["Member", "Type"].map((text) => make("th", { scope: "col" }, text)))),
    make("tbody", {}, members.map(([name, member]) => make("tr", {},
      make("td", {}, make("code", {}, name), required.includes(name) ? make("span", { className: "note" }, " required") : null),
      make("td", { className: "note" }, describeSchema(member))))));
}

// The body's part of the form; returns its elements and a function that gives what to send.
function bodyForm(body) {
  const types = Object.keys(body.content);
  const type = types[types.length - 1];
  const { schema, example } = body.content[type];
  const parts = [make("h3", {}, "Body ", make("span", { className: "note" }, type + (body.required ? ", required" : ""))), memberTable(schema)];
  if (type === "application/json") {
    const text = make("textarea", { spellcheck: false, "aria-label": "Body as JSON", className: "body", value: pretty(example) });
    return { parts: [...parts, text], read: () => (text.value.trim() ? { type, data: text.value } : null) };
  }
  const inputs = Object.entries(schema.properties || {}).map(([name, member]) => {
    const file = Boolean(member.contentMediaType);
    const input = make("input", { type: file ? "file" : "text", "aria-label": name });
    if (!file && example && example[name] !== undefined) input.value = String(example[name]);
    parts.push(make("p", {}, make("label", {}, make("code", {}, name), " ", input)));
    return { name, input, file };
  });
  return { parts, read: () => {
    const data = new FormData();
    for (const { name, input, file } of inputs)
      if (file ? input.files[0] : input.value !== "") data.append(name, file ? input.files[0] : input.value);
    return { type: null, data };
  } };
}

function responseList(responses) {
  return make("table", {}, make("tbody", {}, Object.entries(responses).map(([status, response]) => {
    const found = resolve(response);
    const content = found.content && found.content["application/json"];
    return make("tr", {},
      make("td", {}, make("span", { className: "status " + (status < "400" ? "good" : "bad") }, status)),
      make("td", {}, found.description,
        content && content.example !== undefined ? make("details", {}, make("summary", {}, "Example"), make("pre", {}, pretty(content.example))) : null,
        content && content.schema ? make("details", {}, make("summary", {}, "Schema"), make("pre", {}, pretty(content.schema))) : null));
  })));
}

function target(path, fields) {
  const query = new URLSearchParams();
  const headers = {};
  for (const { parameter, input } of fields) {
    const value = input.value;
    if (parameter.in === "path") {
      path = path.replace(`{${parameter.name}}`, encodeURIComponent(value));
    } else if (value !== "" && parameter.in === "query") {
      const values = (parameter.schema || {}).type === "array" ? value.split(",").map((item) => item.trim()) : [value];
      for (const item of values) query.append(parameter.name, item);
    } else if (value !== "" && parameter.in === "header") {
      headers[parameter.name] = value;
    }
  }
  const text = query.toString();
  return { url: base + path + (text ? "?" + text : ""), headers };
}

async function send(method, path, fields, read, result) {
  const { url, headers } = target(path, fields);
  const options = { method: method.toUpperCase(), headers, cache: "no-store", redirect: "follow" };
  const token = document.getElementById("token").value;
  if (token) headers.Authorization = "Bearer " + token;
  const body = read ? read() : null;
  if (body) {
    options.body = body.data;
    if (body.type) headers["Content-Type"] = body.type;
  }
  const started = performance.now();
  result.replaceChildren(make("p", { className: "note" }, `${options.method} ${url} …`));
  try {
    const response = await fetch(url, options);
    const text = await response.text();
    const ms = (performance.now() - started).toFixed(1);
    let shown = text;
    // Numbers longer than JavaScript's stay as they came: such a body is not laid out anew.
    try { if (!/\d{16}|\.\d*0\b/.test(text)) shown = pretty(JSON.parse(text)); } catch { /* not JSON: as it is */ }
    const fieldsText = [...response.headers].map(([name, value]) => `${name}: ${value}`).join("\n");
    result.replaceChildren(
      make("p", {}, make("code", {}, `${options.method} ${url}`)),
      make("p", {}, make("span", { className: "status " + (response.ok ? "good" : "bad") }, `${response.status} ${response.statusText}`),
        make("span", { className: "note" }, ` in ${ms} ms, ${text.length} characters`)),
      make("details", {}, make("summary", {}, "Header fields"), make("pre", { className: "headers" }, fieldsText)),
      make("pre", { className: "answer", tabIndex: 0 }, shown || "(no body)"));
  } catch (error) {
    result.replaceChildren(make("p", { className: "bad" }, `No answer: ${error.message}`));
  }
}

function fill(inside, method, path, operation) {
  const fields = [];
  const parameters = (operation.parameters || []).map(resolve);
  const form = make("form", { noValidate: true });
  if (parameters.length) form.append(make("h3", {}, "Parameters"), parameterTable(parameters, fields));
  const body = operation.requestBody ? bodyForm(resolve(operation.requestBody)) : null;
  if (body) form.append(...body.parts);
  const button = make("button", { type: "submit" }, "Send");
  const result = make("div", { className: "result", "aria-live": "polite" });
  form.append(make("div", { className: "send" }, button,
    make("span", { className: "note" }, (operation.security || []).length ? "needs a bearer token, except in development mode" : "open to everybody")));
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    button.disabled = true;
    await send(method, path, fields, body && body.read, result);
    button.disabled = false;
  });
  inside.append(form, result, make("h3", {}, "Responses"), responseList(operation.responses));
}

function show(method, path, operation) {
  const id = operation.operationId || `${method}${path}`;
  const inside = make("div", { className: "inside" });
  const details = make("details", { className: "operation" + (operation.deprecated ? " deprecated" : ""), id: "op-" + id },
    make("summary", {},
      make("span", { className: "method " + method }, method.toUpperCase()),
      make("span", { className: "path" }, path),
      operation.deprecated ? make("span", { className: "mark" }, "deprecated") : null,
      make("span", { className: "summary" }, operation.summary || "")),
    inside);
  details.addEventListener("toggle", () => { // filled in when it is opened first: an API may have hundreds
    if (details.open && !inside.firstChild) fill(inside, method, path, operation);
  });
  details.dataset.search = `${method} ${path} ${id} ${operation.summary || ""}`.toLowerCase();
  return details;
}

function showAll() {
  const groups = new Map();
  for (const [path, item] of Object.entries(description.paths))
    for (const method of METHODS)
      if (item[method]) {
        const tag = (item[method].tags || ["api"])[0];
        if (!groups.has(tag)) groups.set(tag, []);
        groups.get(tag).push(show(method, path, item[method]));
      }
  const main = document.getElementById("operations"), nav = document.getElementById("tags");
  for (const [tag, operations] of [...groups].sort(([a], [b]) => (a < b ? -1 : 1))) {
    main.append(make("section", { "aria-label": tag }, make("h2", { id: "tag-" + tag }, tag), operations));
    nav.append(make("a", { href: "#tag-" + tag }, tag));
  }
  main.append(make("p", { className: "none", hidden: true, id: "none" }, "Nothing is found."));
}

function search() {
  const words = document.getElementById("search").value.toLowerCase().split(/\s+/).filter(Boolean);
  let any = false;
  for (const section of document.querySelectorAll("main section")) {
    let shown = false;
    for (const operation of section.querySelectorAll("details.operation")) {
      operation.hidden = !words.every((word) => operation.dataset.search.includes(word));
      shown = shown || !operation.hidden;
    }
    section.hidden = !shown;
    any = any || shown;
  }
  document.getElementById("none").hidden = any;
}

function openNamed() {
  const named = document.getElementById(decodeURIComponent(location.hash.slice(1)));
  if (named && named.tagName === "DETAILS") named.open = true;
  if (named) named.scrollIntoView();
}

async function start() {
  const about = document.getElementById("about");
  try {
    const response = await fetch("openapi.json");
    if (!response.ok) throw new Error(`openapi.json: ${response.status} ${response.statusText}`);
    description = await response.json();
  } catch (error) {
    about.textContent = `The description cannot be read. ${error.message}`;
    about.className = "bad";
    return;
  }
  document.title = document.getElementById("title").textContent = description.info.title;
  about.textContent = `Version ${description.info.version}. ${description.info.description || ""}`;
  showAll();
  document.getElementById("search").addEventListener("input", search);
  document.getElementById("tools").addEventListener("submit", (event) => event.preventDefault());
  document.addEventListener("keydown", (event) => {
    if (event.key === "/" && !/^(INPUT|TEXTAREA|SELECT)$/.test(document.activeElement.tagName)) {
      event.preventDefault();
      document.getElementById("search").focus();
    }
  });
  addEventListener("hashchange", openNamed);
  openNamed();
  document.body.dataset.ready = "yes";
}

start();
