// @ts-check
/**
 * The dialog in which the office corrects one site's figures or writes a note, with a reason.
 *
 * Rule 1: everything appends to the log; the dialog says so, and what was typed stays until the server has taken it.
 * Rule 2: a field left empty is not sent: unknown, not zero.
 */
import { briefingUrl, post, put } from "./api.js";
import { byId, setText, show } from "./dom.js";
import { count } from "./format.js";
import { t } from "./i18n.js";
import { tell } from "./toast.js";

const FIGURES = ["present", "members", "excused", "unexcused", "extra"];

/** What each choice cannot do without; the server has the last word. @type {Record<string, string[]>} */
const NEEDED = { headcount: ["present", "reason"], expected: ["expected", "reason"], phone: ["name", "reason"], "made-up": ["persons", "on", "reason"], note: ["text"] };

/** @param {string} id @returns {HTMLInputElement} */
const field = (id) => /** @type {HTMLInputElement} */ (byId(`correct-${id}`));
/** @param {string} id @returns {string} */
const text = (id) => field(id).value.trim();
/** @param {string} id @returns {Record<string, number|string>} `{id: number}`; {} where nothing was typed */
const number = (id) => (text(id) === "" ? {} : { [id]: /^\d+$/.test(text(id)) ? Number(text(id)) : text(id) });

/**
 * @param {string} briefing
 * @param {() => Promise<void>} done to be called when something was written
 */
export function wireCorrect(briefing, done) {
  const dialog = /** @type {HTMLDialogElement} */ (byId("correct-dialog"));
  const what = /** @type {HTMLSelectElement} */ (byId("correct-what"));
  /** @type {any} */
  let data = null;
  /** @type {string|null} */
  let code = null;

  /** @param {string|null} site a code; null: the whole briefing, which takes notes only */
  function open(site) {
    code = site;
    const found = data?.sites.find((/** @type {any} */ one) => one.code === site);
    setText(byId("correct-title"), found ? found.name : data.briefing.title);
    setText(byId("correct-known"), found ? t("So far: {present} present of {expected}", { present: count(found.present), expected: count(found.expected) }) : "");
    show(byId("correct-what-part"), site !== null);
    what.value = site === null ? "note" : "headcount";
    for (const name of FIGURES) field(name).value = found?.[name] ?? "";
    field("expected").value = found?.expected ?? "";
    for (const name of ["name", "persons", "on", "text", "reason"]) field(name).value = "";
    choose();
    dialog.showModal();
  }

  function choose() {
    for (const part of dialog.querySelectorAll("[data-for]")) show(/** @type {HTMLElement} */ (part), part.getAttribute("data-for") === what.value);
    show(byId("correct-trouble"), false);
  }

  /** @param {string} words */
  function trouble(words) {
    setText(byId("correct-trouble"), words);
    show(byId("correct-trouble"), true);
  }

  async function send() {
    const missing = NEEDED[what.value].find((id) => text(id) === "");
    if (missing) {
      trouble(t("Please fill in: {field}", { field: field(missing).labels?.[0]?.textContent ?? missing }));
      field(missing).focus();
      return;
    }
    const button = /** @type {HTMLButtonElement} */ (byId("correct-send"));
    button.disabled = true;
    try {
      await ask(briefing, code, what.value);
      dialog.close();
      tell(t("Written into the log"), "online");
      await done();
    } catch (error) {
      trouble(error instanceof Error ? error.message : String(error));
    }
    button.disabled = false;
  }

  what.addEventListener("change", choose);
  byId("correct-close").addEventListener("click", () => dialog.close());
  byId("note-open").addEventListener("click", () => open(null));
  byId("correct-form").addEventListener("submit", (event) => {
    event.preventDefault();
    void send();
  });
  return {
    open,
    /** @param {any} news the attendance that the page shows now */
    use(news) {
      data = news;
      /** @type {HTMLButtonElement} */ (byId("note-open")).disabled = false;
    },
  };
}

/** @param {string} briefing @param {string|null} code @param {string} what */
async function ask(briefing, code, what) {
  const reason = text("reason") ? { reason: text("reason") } : {};
  const site = briefingUrl(briefing, `/sites/${code}`);
  if (what === "headcount") return put(`${site}/headcount`, Object.assign({}, ...FIGURES.map(number), reason));
  if (what === "expected") return put(`${site}/expected`, { ...number("expected"), ...reason });
  if (what === "phone") return post(`${site}/phone`, { name: text("name"), ...reason });
  if (what === "made-up") return post(`${site}/made-up`, { ...number("persons"), on: text("on"), ...reason });
  return post(briefingUrl(briefing, "/notes"), { ...(code ? { site: code } : {}), text: text("text"), ...reason });
}
