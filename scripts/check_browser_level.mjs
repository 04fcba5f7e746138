/**
 * Are the pages' scripts, styles and templates within what the oldest browsers of the field know? Part of `make check`.
 *
 * Rule 1: names are looked up by their types, so that `list.at()` and `element.at()` are two things; what the table of
 * the web's interfaces (@mdn/browser-compat-data) does not know is not judged.
 * Rule 2: a newer name is allowed where the code asks first (`thing?.()`, `thing?.name`), or where the line or the one
 * before says `newer than <browser>: <reason>`.
 * Exit: 0 nothing found, 1 something newer, told as file:line with the version that knows it.
 */
import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { createRequire } from "node:module";
import ts from "typescript";

const ROOT = resolve(dirname(fileURLToPath(import.meta.url)), "..");
const OLDEST = { chrome: 109 }; // the last one for Windows 7 and 8
const LOOKS = new Set(["scrollbar-width"]); // without it all works, a little less pretty
const STATED = /newer than \w+: \S/;
const bcd = createRequire(import.meta.url)("@mdn/browser-compat-data");

/** @type {string[]} */
const found = [];
let judged = 0;

/** What an entry of the table needs, or "" where our oldest browsers know it. @param {any} entry */
function missing(entry) {
  judged += 1;
  const support = entry.__compat?.support ?? {};
  const late = Object.entries(OLDEST).filter(([browser, version]) => support[browser] && !knows(support[browser], version));
  return late.map(([browser]) => `${browser} ${[support[browser]].flat()[0].version_added || "none"}`).join(", ");
}

/** @param {any} support one statement or several @param {number} version */
function knows(support, version) {
  return [support].flat().some(({ version_added: added, version_removed: removed, flags, prefix }) => {
    if (!added || added === "preview" || flags || prefix || (removed && parseFloat(removed) <= version)) return false;
    return added === true || parseFloat(String(added).replace("≤", "")) <= version;
  });
}

/** @param {string} file @param {string[]} lines @param {number} line from 0 @param {string} name @param {any} entry */
function judge(file, lines, line, name, entry) {
  const needs = entry ? missing(entry) : "";
  if (!needs || STATED.test(lines[line]) || STATED.test(lines[line - 1] ?? "")) return;
  found.push(`${relative(ROOT, file)}:${line + 1}: ${name} needs ${needs}`);
}

/** The files under a folder. @param {string} folder @param {string} ending @returns {string[]} */
function files(folder, ending) {
  const all = readdirSync(join(ROOT, folder), { withFileTypes: true }).filter((one) => one.name !== "vendor");
  return all.flatMap((one) => (one.isDirectory() ? files(join(folder, one.name), ending) : one.name.endsWith(ending) ? [join(ROOT, folder, one.name)] : []));
}

// Scripts -----------------------------------------------------------------------------------------------------------

function scripts() {
  const config = join(ROOT, "web", "tsconfig.json");
  const read = ts.parseJsonConfigFileContent(ts.readConfigFile(config, ts.sys.readFile).config, ts.sys, dirname(config));
  const program = ts.createProgram(read.fileNames, read.options);
  const checker = program.getTypeChecker();
  for (const source of program.getSourceFiles()) {
    if (source.isDeclarationFile || !source.fileName.includes("/static/js/")) continue;
    const lines = source.text.split("\n");
    const tell = (/** @type {ts.Node} */ node, /** @type {string} */ name, /** @type {any} */ entry) => judge(source.fileName, lines, source.getLineAndCharacterOfPosition(node.getStart()).line, name, entry);
    const visit = (/** @type {ts.Node} */ node) => {
      if (ts.isPropertyAccessExpression(node)) member(checker, node, tell);
      else if (ts.isIdentifier(node) && !isNameOnly(node)) global(checker, node, tell);
      syntax(node, tell);
      ts.forEachChild(node, visit);
    };
    visit(source);
  }
}

/** Is it a member's name, or a name in a type, that costs nothing at run time? @param {ts.Identifier} node */
const isNameOnly = ({ parent, ...node }) => !parent || (ts.isPropertyAccessExpression(parent) && parent.name.pos === node.pos) || ts.isTypeNode(parent) || ts.isTypeQueryNode(parent);

/** Syntax that the type checker lets pass. @param {ts.Node} node @param {(node: ts.Node, name: string, entry: any) => void} tell */
function syntax(node, tell) {
  const statements = bcd.javascript.statements;
  if (ts.isVariableDeclarationList(node) && (node.flags & ts.NodeFlags.BlockScoped) === ts.NodeFlags.Using) tell(node, "using", statements.using);
  if (ts.isImportDeclaration(node) && node.attributes) tell(node, "import attributes", statements.import.import_attributes);
  if (ts.isDecorator(node)) tell(node, "a decorator", { __compat: { support: { chrome: { version_added: false } } } });
}

/** @param {ts.TypeChecker} checker @param {ts.PropertyAccessExpression} node @param {(node: ts.Node, name: string, entry: any) => void} tell */
function member(checker, node, tell) {
  const asked = node.questionDotToken || (ts.isCallExpression(node.parent) && node.parent.questionDotToken) || (ts.isPropertyAccessExpression(node.parent) && node.parent.questionDotToken);
  const symbol = checker.getSymbolAtLocation(node.name);
  const declared = symbol?.declarations?.find(isOfTheWeb);
  if (!declared || asked) return;
  const owners = [ownerOf(declared), ...familyOf(checker.getApparentType(checker.getNonNullableType(checker.getTypeAtLocation(node.expression))))];
  for (const owner of owners) {
    const table = interfaceOf(owner);
    const entry = table?.[node.name.text] ?? table?.[`${node.name.text}_static`];
    if (entry?.__compat) return tell(node.name, `${owner}.${node.name.text}`, entry);
  }
}

/** @param {ts.TypeChecker} checker @param {ts.Identifier} node @param {(node: ts.Node, name: string, entry: any) => void} tell */
function global(checker, node, tell) {
  const declared = checker.getSymbolAtLocation(node)?.declarations?.find(isOfTheWeb);
  if (!declared || !(ts.isVariableDeclaration(declared) || ts.isFunctionDeclaration(declared))) return;
  const table = interfaceOf(node.text);
  const entry = table?.__compat ? table : bcd.api.Window?.[node.text];
  tell(node, node.text, entry);
  if (ts.isNewExpression(node.parent)) tell(node, `new ${node.text}`, table?.[node.text]);
}

/** @param {ts.Declaration} declaration */
const isOfTheWeb = (declaration) => /typescript\/lib\/lib\..*\.d\.ts$/.test(declaration.getSourceFile().fileName);

/** @param {ts.Declaration} declaration @returns {string} the interface that it stands in */
function ownerOf(declaration) {
  for (let node = declaration.parent; node; node = node.parent) {
    if (ts.isInterfaceDeclaration(node) || (ts.isVariableDeclaration(node) && ts.isIdentifier(node.name))) return node.name.getText().replace(/Constructor$/, "");
  }
  return "";
}

/** @param {ts.Type} type @returns {string[]} its interface and those that it stands on */
function familyOf(type) {
  const parts = type.isUnionOrIntersection() ? type.types : [type];
  return parts.flatMap((part) => [part.symbol?.name.replace(/Constructor$/, "") ?? "", ...(part.getBaseTypes?.() ?? []).flatMap(familyOf)]);
}

/** @param {string} name @returns {any} */
const interfaceOf = (name) => (/^\w+$/.test(name) ? (bcd.api[name] ?? bcd.javascript.builtins[name] ?? bcd.javascript.builtins.Intl[name]) : undefined);

// Styles ------------------------------------------------------------------------------------------------------------

/** Every entry below `table` whose last name is a function of CSS. @param {any} table @param {Map<string, any>} [all] */
function byLastName(table, all = new Map()) {
  for (const [name, entry] of Object.entries(table)) {
    if (name === "__compat") continue;
    if (entry.__compat) all.set(name, entry);
    byLastName(entry, all);
  }
  return all;
}

function styles() {
  const types = byLastName(bcd.css.types);
  for (const file of files("web/static/css", ".css")) {
    const text = readFileSync(file, "utf8");
    const [lines, bare] = [text.split("\n"), text.replace(/\/\*[^]*?\*\//g, (comment) => comment.replace(/[^\n]/g, " "))];
    const told = (/** @type {number} */ at, /** @type {string} */ name, /** @type {any} */ entry) => judge(file, lines, bare.slice(0, at).split("\n").length - 1, name, entry);
    const each = (/** @type {RegExp} */ what, /** @type {(match: RegExpMatchArray) => void} */ use) => [...bare.matchAll(what)].forEach(use);
    each(/@([a-z-]+)/g, (m) => told(m.index ?? 0, `@${m[1]}`, bcd.css["at-rules"][m[1]]));
    each(/@media[^{]*?\(([a-z-]+)/g, (m) => told(m.index ?? 0, `@media (${m[1]})`, bcd.css["at-rules"].media[m[1].replace(/^(min|max)-/, "")]));
    each(/(?<=[{};]\s*)([a-z-]+)\s*:\s*([^;{}]+)(?=[;}])/g, (m) => {
      const line = lines[bare.slice(0, m.index).split("\n").length - 1];
      const property = (line.includes("@page") && bcd.css["at-rules"].page[m[1]]) || bcd.css.properties[m[1]];
      if (LOOKS.has(m[1]) || line.includes(`-webkit-${m[1]}`)) return;
      told(m.index ?? 0, m[1], property);
      for (const [word] of m[2].matchAll(/[a-z][a-z0-9-]*/g)) if (property?.[word]?.__compat) told(m.index ?? 0, `${m[1]}: ${word}`, property[word]);
      for (const [, name] of m[2].matchAll(/([a-z-]+)\(/g)) told(m.index ?? 0, `${name}()`, types.get(name));
      for (const [, unit] of m[2].matchAll(/\d([a-z]+)\b/g)) told(m.index ?? 0, unit, /^[dsl]v/.test(unit) ? types.get("viewport_percentage_units_dynamic") : bcd.css.types.length[unit]);
    });
    each(/(?<=^|[{};])([^{};@]+)\{/g, (m) => {
      for (const [, name] of m[1].matchAll(/::?([a-z-]+)/g)) told((m.index ?? 0) + m[0].length - 1, `:${name}`, bcd.css.selectors[name]);
      if (m[1].includes("&")) told((m.index ?? 0) + m[0].length - 1, "&", bcd.css.selectors.nesting);
    });
  }
}

// Templates ---------------------------------------------------------------------------------------------------------

function templates() {
  for (const file of files("web/templates", ".html")) {
    const text = readFileSync(file, "utf8");
    const lines = text.split("\n");
    for (const tag of text.matchAll(/<([a-z][a-z0-9]*)((?:\{[%{][^]*?[%}]\}|"[^"]*"|[^<>"])*)>/g)) {
      const [element, line] = [bcd.html.elements[tag[1]], text.slice(0, tag.index).split("\n").length - 1];
      judge(file, lines, line, `<${tag[1]}>`, element);
      for (const [, name] of tag[2].matchAll(/(?<=\s)([a-z-]+)(?=[=\s]|$)/g)) judge(file, lines, line, `<${tag[1]} ${name}>`, element?.[name] ?? bcd.html.global_attributes[name]);
    }
  }
}

scripts();
styles();
templates();
for (const one of [...new Set(found)].sort()) console.error(one);
if (judged < 1000) found.push(`only ${judged} names were judged: the table or the paths have moved`);
if (judged < 1000) console.error(found.at(-1));
process.exitCode = found.length ? 1 : 0;
